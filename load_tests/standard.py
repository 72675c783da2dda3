"""The external standard tools: a model server and a driver in C, faster than ours, for figures that are published."""

import json
import subprocess
import sys
from pathlib import Path

from load_tests.scenarios import Scenario
from load_tests.tally import Report, spread_from_json
from load_tests.tools import Run

SOURCES = ("mockd.c", "loadd.c", "mkbodies.py")

STALE = "cache-control: max-age=0"
"""Sent because all bodies are alike: the cache is asked and answers, and its answer is held to be too old."""

COMPILE_LIMIT_S = 60.0


class CannotCompile(RuntimeError):
    """The sources are missing, or the compiler refuses them."""


class StandardTools:
    """`mockd`, `loadd` and the bodies of `mkbodies.py`, made from a folder of sources into another folder."""

    name = "standard"
    marker = "mock-ok"

    def __init__(self, sources: Path, folder: Path) -> None:
        missing = [name for name in SOURCES if not (sources / name).is_file()]
        if missing:
            raise CannotCompile(f"{sources} has no {', '.join(missing)}")
        self._folder = folder
        for program in ("mockd", "loadd"):
            _run(["gcc", "-O2", "-o", str(folder / program), str(sources / f"{program}.c")])
        _run([sys.executable, str(sources / "mkbodies.py"), str(folder)])

    def server_command(self, port: int) -> list[str]:
        """Return how to start the model server; `-x` lets a body set its own stream."""
        return [str(self._folder / "mockd"), "-p", str(port), "-x"]

    def body(self, scenario: Scenario) -> bytes:
        """Return the request's body, as the standard has it."""
        return (self._folder / scenario.standard_body).read_bytes()

    def driver_command(self, run: Run) -> list[str]:
        """Return how to start the driver."""
        scenario = run.scenario
        command = [str(self._folder / "loadd"), "-p", str(run.port), "-f", str(self._folder / scenario.standard_body)]
        command += ["-c", str(scenario.connections), "-t", f"{run.seconds:.2f}", "-w", f"{run.warmup_s:.2f}"]
        if scenario.body.unique:
            command += ["-H", STALE]
        if scenario.rate_per_s is not None:
            command += ["-r", str(scenario.rate_per_s)]
        return [*command, "-S"] if scenario.streams else command

    def report(self, output: str) -> Report:
        """Read what the driver printed. It does not count what the end found unanswered."""
        said = json.loads(output)
        delays = spread_from_json(said.get("chunk_us"))
        return Report(
            good=said["ok"],
            bad=said["errors"],
            first_bad=f"{said['first_error']} {said['error_note']}" if said["errors"] else "",
            elapsed_s=said["elapsed_s"],
            requests_per_s=said["rps"],
            chunks=delays.n if delays else 0,
            chunks_per_s=said["chunks_per_s"],
            reconnects=said["reconnects"],
            issued_late=said["sent_late"],
            unanswered=0,
            latency_us=spread_from_json(said["latency_us"]),
            first_token_us=spread_from_json(said.get("ttft_us")),
            chunk_delay_us=delays,
        )


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=COMPILE_LIMIT_S)
    except FileNotFoundError as error:
        raise CannotCompile(f"{command[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        raise CannotCompile(f"{' '.join(command)}:\n{error.stderr[-2000:]}") from error
