"""Measures gateways one after another in front of the same model server, and keeps what was measured."""

import datetime
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from load_tests import proc
from load_tests.launch import DidNotStart, Probe, free_port, on_core, running
from load_tests.scenarios import SCENARIOS, Scenario
from load_tests.tally import Report
from load_tests.targets import DIRECT, TARGETS, NotHere, Setting, Target
from load_tests.tools import Run, Tools

DRIVER_SPARE_S = 60.0
"""A driver that has not ended this long after it should have is stuck."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core each runs on; None leaves all where the system puts them."""

    gateway: int | None
    load: int | None


@dataclass(frozen=True, slots=True)
class Order:
    """What to compare. `replies` is the least number of good replies of `c64`; `seconds` the length of timed tests."""

    targets: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    rounds: int
    replies: int
    seconds: float
    warm_seconds: float
    cores: Cores
    sglang_router: str
    before: Path | None
    references: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One test of one target in one round. `cpu_s` is the target's user and system time, its whole process tree."""

    target: str
    scenario: str
    round: int
    cpu_s: float
    pss_bytes: int
    report: Report

    @property
    def cpu_us_per_request(self) -> float:
        """CPU time a good reply."""
        return self.cpu_s * 1e6 / max(self.report.good, 1)

    @property
    def cpu_us_per_chunk(self) -> float:
        """CPU time a content chunk."""
        return self.cpu_s * 1e6 / max(self.report.chunks, 1)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything measured, and on what."""

    at: str
    machine: dict[str, object]
    tools: str
    versions: dict[str, str]
    left_out: dict[str, str]
    measurements: tuple[Measurement, ...]

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return asdict(self)


class Bench:
    """One comparison under way: the model server runs for the length of it."""

    def __init__(self, order: Order, tools: Tools, folder: Path, say: Callable[[str], None]) -> None:
        self._order = order
        self._tools = tools
        self._folder = folder
        self._say = say
        self._model_port = free_port()
        self._versions: dict[str, str] = {}
        self._left_out: dict[str, str] = {}

    def run(self) -> Comparison:
        """Measure every target in every round. Raises DidNotStart for the model server only."""
        order, measured = self._order, list[Measurement]()
        command = self._tools.server_command(self._model_port)
        with running(command, order.cores.load, self._folder / "model_server.log", self._probe(self._model_port)):
            for number in range(1, order.rounds + 1):
                for name in order.targets:
                    if name not in self._left_out:
                        measured += self._measure_target(name, number)
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return Comparison(at, machine(), self._tools.name, self._versions, self._left_out, tuple(measured))

    def _measure_target(self, name: str, number: int) -> list[Measurement]:
        try:
            with self._started(name) as (port, pid):
                return [self._measure(name, scenario, number, port, pid) for scenario in self._order.scenarios]
        except (NotHere, DidNotStart) as why:
            self._left_out[name] = str(why)
            self._say(f"{name} is left out: {why}")
            return []

    @contextmanager
    def _started(self, name: str) -> Iterator[tuple[int, int | None]]:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        port = free_port()
        order = self._order
        setting = Setting(port, self._model_port, folder, order.sglang_router, order.before, order.references)
        target: Target = TARGETS[name](setting)
        self._versions[name] = target.version
        if target.command is None:
            yield self._model_port, None
            return
        self._say(f"starting {name}")
        log = folder / "output.log"
        with running(target.command, order.cores.gateway, log, self._probe(port)) as process:
            yield port, process.pid

    def _measure(self, name: str, scenario: Scenario, number: int, port: int, pid: int | None) -> Measurement:
        order = self._order
        self._say(f"round {number} of {order.rounds}: {name}, {scenario.name} ({scenario.about})")
        warm = self._drive(Run(scenario, port, order.warm_seconds))
        seconds = scenario.seconds(order.seconds, order.replies, warm.requests_per_s)
        before_s = proc.cpu_s(pid) if pid else 0.0
        report = self._drive(Run(scenario, port, seconds, scenario.warmup_s))
        spent_s = proc.cpu_s(pid) - before_s if pid else 0.0
        return Measurement(name, scenario.name, number, spent_s, proc.pss_bytes(pid) if pid else 0, report)

    def _drive(self, run: Run) -> Report:
        command = self._tools.driver_command(run)
        limit_s = run.seconds + run.warmup_s + DRIVER_SPARE_S
        with on_core(self._order.cores.load):
            driver = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
        if driver.returncode:
            raise DidNotStart(f"the driver failed in {run.scenario.name}:\n{driver.stderr[-2000:]}")
        return self._tools.report(driver.stdout)

    def _probe(self, port: int) -> Probe:
        return Probe(port, self._tools.body(SCENARIOS["c64"]), self._tools.marker.encode())


def compare(order: Order, make_tools: Callable[[Path], Tools], say: Callable[[str], None]) -> Comparison:
    """Compare in a temporary folder; `say` is told what is being done."""
    with tempfile.TemporaryDirectory(prefix="tiergate-load-") as folder:
        return Bench(order, make_tools(Path(folder)), Path(folder), say).run()


def default_cores() -> Cores:
    """Give the gateway the last core and the load the first; with one core they have to share."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[-1], allowed[0]) if len(allowed) > 1 else Cores(None, None)


def machine() -> dict[str, object]:
    """Say what this machine is."""
    return {
        "cpu": proc.cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def with_direct(targets: Sequence[str], scenarios: Sequence[Scenario]) -> tuple[str, ...]:
    """Add the direct run where a figure is counted from it."""
    needs_direct = any(scenario.adds_to_direct for scenario in scenarios)
    return (DIRECT, *targets) if needs_direct and DIRECT not in targets else tuple(targets)
