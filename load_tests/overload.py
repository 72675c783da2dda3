"""Three times what a gateway can do: what gets done, what the rest is told, and how soon all is calm again.

The model server takes a fixed time for an answer and the tiers hold a fixed number of requests: those are scarce, not
the driver and not the gateway's core. How much they can do is measured first, by a closed loop.
"""

import datetime
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from load_tests.bodies import BodyKind
from load_tests.compare import Cores, machine
from load_tests.launch import DidNotStart, Probe, free_port, on_core, running
from load_tests.scenarios import Scenario
from load_tests.scrape import added_bound, buckets_of, scrape
from load_tests.slow_campaign import others_cpu_s
from load_tests.tally import Report, Spread
from load_tests.targets import TARGETS, Setting
from load_tests.tools import OwnTools, Run

ANSWER_MS = 100
TIERS = 2
PLACES = 4
"""Requests that a tier holds at once: with `ANSWER_MS`, 40 a second each."""
REALLY_ASKED = "cache-control: max-age=0"
"""Phases ask the same again: the cache is asked, too, and what it has is too old."""
CALM, OVER = 0.5, 3.0
"""Of the capacity."""
CALM_SECONDS = 8.0
CAPACITY_SECONDS = 5.0
WINDOW_SECONDS = 2.0
"""After the overload P99 is looked at so long at a time."""
WINDOWS = 5
CALM_AGAIN = 2.0
"""Calm is back when P99 is within so many times what it was before."""
WARM_S = 1.0
CONNECTIONS = 256
DRIVER_SPARE_S = 60.0
STALL = "tiergate_loop_stall_seconds"


@dataclass(frozen=True, slots=True)
class OverloadOrder:
    """What to measure: how long the overload lasts, and where everything runs."""

    seconds: float
    cores: Cores
    references: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time at one rate."""

    report: Report
    stall_s: float | None
    """The bound that 99.9 % of the samples of the event loop's lateness do not exceed."""
    others_share: float
    """What processes that are no part of this took, in cores."""


@dataclass(frozen=True, slots=True)
class OverloadFound:
    """Everything measured. `direct` went to the model server itself, at the calm rate."""

    at: str
    machine: dict[str, object]
    capacity_per_s: float
    direct: Report
    calm: Phase
    over: Phase
    calm_again_s: float | None
    """When the first calm window after the overload ended; None if none was calm."""

    @property
    def goodput(self) -> float:
        """Return what got done under overload, as a share of the capacity."""
        return self.over.report.requests_per_s / self.capacity_per_s

    def own_us(self, report: Report, percentile: str) -> float:
        """Return what was added to the model server's own time, as the median of direct requests has it."""
        return float(getattr(latency_of(report), percentile)) - latency_of(self.direct).p50


def latency_of(report: Report) -> Spread:
    """Return the latencies of a phase. Raises DidNotStart where nothing was answered."""
    if report.latency_us is None:
        raise DidNotStart(f"no good reply in a whole phase; first: {report.first_bad or 'none came'}")
    return report.latency_us


def overload(order: OverloadOrder, say: Callable[[str], None]) -> OverloadFound:
    """Measure in a temporary folder. Raises DidNotStart."""
    with tempfile.TemporaryDirectory(prefix="tiergate-overload-") as folder, on_core(order.cores.load):
        tools = OwnTools(Path(folder))
        port, model_port = free_port(), free_port()
        setting = Setting(port, model_port, Path(folder), "", None, order.references, places=PLACES)
        target = TARGETS["tiergate"](setting)
        assert target.command is not None
        body, marker = tools.body(_scenario(None)), tools.marker.encode()
        serving = [*tools.server_command(model_port), "--first-byte-ms", str(ANSWER_MS)]
        say("starting the model server and the gateway")
        with (
            running(serving, None, Path(folder, "model_server.log"), Probe(model_port, body, marker)),
            running(target.command, order.cores.gateway, Path(folder, "gateway.log"), Probe(port, body, marker)),
        ):
            return _Phases(order, port, model_port, tools, say).run()


class _Phases:
    def __init__(
        self, order: OverloadOrder, port: int, model_port: int, tools: OwnTools, say: Callable[[str], None]
    ) -> None:
        self._order = order
        self._port = port
        self._model_port = model_port
        self._tools = tools
        self._say = say

    def run(self) -> OverloadFound:
        self._say("measuring what the tiers can do")
        capacity_per_s = self._drive(self._port, None, CAPACITY_SECONDS, WARM_S).requests_per_s
        if not capacity_per_s:
            raise DidNotStart("nothing was answered in a closed loop")
        calm_per_s = CALM * capacity_per_s
        self._say(f"calm: {calm_per_s:.0f} requests a second, without the gateway")
        direct = self._drive(self._model_port, calm_per_s, CALM_SECONDS, WARM_S)
        self._say(f"calm: {calm_per_s:.0f} requests a second")
        calm = self._watched(calm_per_s, CALM_SECONDS)
        self._say(f"overload: {OVER * capacity_per_s:.0f} requests a second")
        over = self._watched(OVER * capacity_per_s, self._order.seconds)
        self._say(f"calm again: {calm_per_s:.0f} requests a second")
        calm_again_s = self._until_calm(calm_per_s, CALM_AGAIN * latency_of(calm.report).p99)
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return OverloadFound(at, machine(), capacity_per_s, direct, calm, over, calm_again_s)

    def _watched(self, rate_per_s: float, seconds: float) -> Phase:
        before, began_s, others_s = buckets_of(scrape(self._port), STALL), time.monotonic(), others_cpu_s()
        report = self._drive(self._port, rate_per_s, seconds, WARM_S)
        others_share = (others_cpu_s() - others_s) / (time.monotonic() - began_s)
        return Phase(report, added_bound(before, buckets_of(scrape(self._port), STALL), 0.999), others_share)

    def _until_calm(self, rate_per_s: float, p99_max_us: float) -> float | None:
        began_s = time.monotonic()
        for _ in range(WINDOWS):
            report = self._drive(self._port, rate_per_s, WINDOW_SECONDS, 0.0)
            if latency_of(report).p99 <= p99_max_us:
                return time.monotonic() - began_s
        return None

    def _drive(self, port: int, rate_per_s: float | None, seconds: float, warmup_s: float) -> Report:
        command = self._tools.driver_command(Run(_scenario(rate_per_s), port, seconds, warmup_s))
        limit_s = seconds + warmup_s + DRIVER_SPARE_S
        command += ["--sheds", "--header", REALLY_ASKED]
        driver = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
        if driver.returncode:
            raise DidNotStart(f"the driver failed:\n{driver.stderr[-2000:]}")
        return self._tools.report(driver.stdout)


def _scenario(rate_per_s: float | None) -> Scenario:
    # As many at once as the tiers have places for, and a few who wait, show what they can do.
    connections = CONNECTIONS if rate_per_s is not None else TIERS * PLACES
    return Scenario("overload", "overload", BodyKind(), "", connections, rate_per_s=rate_per_s)
