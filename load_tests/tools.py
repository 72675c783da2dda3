"""The model server and the driver of a comparison, behind one face; and our own ones."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from load_tests.answers import MARKER
from load_tests.bodies import PATHS, request_body
from load_tests.scenarios import Scenario
from load_tests.tally import Report, report_from_json


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a driver against one port."""

    scenario: Scenario
    port: int
    seconds: float
    warmup_s: float = 0.0


class Tools(Protocol):
    """A model server and a driver that belong together."""

    @property
    def name(self) -> str:
        """What a result says it was measured with."""

    @property
    def marker(self) -> str:
        """The text that a right answer holds."""

    def server_command(self, port: int) -> list[str]:
        """Return how to start the model server."""

    def body(self, scenario: Scenario) -> bytes:
        """Return the request's body."""

    def driver_command(self, run: Run) -> list[str]:
        """Return how to start the driver."""

    def report(self, output: str) -> Report:
        """Read what the driver printed."""


class OwnTools:
    """This package's model server and driver, each a Python process."""

    name = "load_tests"
    marker = MARKER

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def server_command(self, port: int) -> list[str]:
        """Return how to start the model server."""
        return [sys.executable, "-m", "load_tests", "serve", "--port", str(port), "--obey-body"]

    def body(self, scenario: Scenario) -> bytes:
        """Return the request's body, with the driver's counter in it where the cache must miss."""
        return request_body(scenario.body)

    def driver_command(self, run: Run) -> list[str]:
        """Return how to start the driver; its body is written to a file first."""
        scenario = run.scenario
        body = self._folder / f"{scenario.name}.json"
        body.write_bytes(self.body(scenario))
        command = [sys.executable, "-m", "load_tests", "drive", "--port", str(run.port), "--body", str(body)]
        command += ["--connections", str(scenario.connections), "--seconds", f"{run.seconds:.2f}"]
        command += ["--warmup", f"{run.warmup_s:.2f}", "--path", PATHS[scenario.body.api]]
        if scenario.rate_per_s is not None:
            command += ["--rate", str(scenario.rate_per_s)]
        return [*command, "--stream"] if scenario.streams else command

    def report(self, output: str) -> Report:
        """Read what the driver printed."""
        return report_from_json(json.loads(output))
