"""Well-behaved requests with and without thousands of slow clients beside them, in turns within one run."""

import asyncio
import datetime
import os
import resource
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from gateway.app.edge_sweeper import SLOW_CLIENT_S
from gateway.domain.limits import EdgeLimits
from load_tests import proc
from load_tests.bodies import BodyKind
from load_tests.compare import Cores, machine
from load_tests.launch import DidNotStart, Probe, free_port, on_core, running
from load_tests.plan import RefusedLoad
from load_tests.scenarios import Scenario
from load_tests.slow_client import Kind, SlowTerms
from load_tests.slow_crowd import MIX, Ends, SlowCrowd
from load_tests.summary import Range
from load_tests.tally import Report, Spread
from load_tests.targets import TARGETS, Setting
from load_tests.tools import OwnTools, Run

MAX_CLIENTS = 4_000
"""The gateway that is measured admits 4,096 requests at once."""
FILES_SPARE = 500
"""Descriptors that a process needs beside those of the slow clients: a reader's request has a second one upstream."""
TERMS = SlowTerms(
    {
        Kind.HEAD: EdgeLimits().headers_timeout_s,
        Kind.BODY: EdgeLimits().body_timeout_s,
        Kind.READER: SLOW_CLIENT_S,
    }
)
COME_WITHIN_S = EdgeLimits().headers_timeout_s
"""Spread over the shortest limit, ends and replacements come as a steady trickle."""
WARM_S = 2.0
DRIVER_SPARE_S = 60.0


@dataclass(frozen=True, slots=True)
class SlowOrder:
    """What to measure: so many slow clients, so many rounds of two windows each, and the good ones' rate."""

    clients: int
    rounds: int
    seconds: float
    rate_per_s: float
    cores: Cores
    references: tuple[str, str]
    mix: tuple[Kind, ...] = MIX
    """The kinds of slow clients, in turn."""

    def __post_init__(self) -> None:
        if not 0 < self.clients <= MAX_CLIENTS:
            raise RefusedLoad(f"there may be 1 to {MAX_CLIENTS:,} slow clients")
        if self.rounds < 1:
            raise RefusedLoad("it takes a round at least")


@dataclass(frozen=True, slots=True)
class Window:
    """The good requests of one stretch of time, and the gateway meanwhile."""

    round: int
    slow_clients: int
    cpu_share: float
    """What the gateway took of a core."""
    others_share: float
    """What processes that are no part of this took, in cores: the good requests wait for them."""
    pss_bytes: int
    report: Report

    @property
    def latency_us(self) -> Spread:
        """The latencies; there is no window without a reply."""
        assert self.report.latency_us is not None
        return self.report.latency_us


@dataclass(frozen=True, slots=True)
class SlowFound:
    """Everything measured. `windows` come in pairs: without and with the slow clients."""

    at: str
    machine: dict[str, object]
    order: SlowOrder
    windows: tuple[Window, ...]
    ends: dict[Kind, Ends]

    def pairs(self) -> list[tuple[Window, Window]]:
        """Return each round's windows, without and with."""
        return list(zip(self.windows[::2], self.windows[1::2], strict=True))


def allow_files(count: int) -> None:
    """Let this process, and those that it starts, have so many files open. Raises RefusedLoad."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    if hard < count:
        raise RefusedLoad(f"{count:,} open files are needed and {hard:,} allowed: raise `ulimit -Hn`, or ask for fewer")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def range_of(values: list[float]) -> Range:
    """Return the median of the rounds, and how far they lie apart."""
    return Range(statistics.median(values), min(values), max(values))


def campaign(order: SlowOrder, say: Callable[[str], None]) -> SlowFound:
    """Measure in a temporary folder. Raises DidNotStart and RefusedLoad."""
    allow_files(order.clients + FILES_SPARE)
    with tempfile.TemporaryDirectory(prefix="tiergate-slow-") as folder, on_core(order.cores.load):
        tools = OwnTools(Path(folder))
        scenario = Scenario(
            "slow_clients",
            "the good ones",
            BodyKind(),
            "",
            connections=16,
            rate_per_s=order.rate_per_s,
            warmup_s=WARM_S,
        )
        port, model_port = free_port(), free_port()
        target = TARGETS["tiergate"](Setting(port, model_port, Path(folder), "", None, order.references))
        assert target.command is not None
        body, marker = tools.body(scenario), tools.marker.encode()
        model_log, gateway_log = Path(folder, "model_server.log"), Path(folder, "gateway.log")
        say("starting the model server and the gateway")
        with (
            running(tools.server_command(model_port), None, model_log, Probe(model_port, body, marker)),
            running(target.command, order.cores.gateway, gateway_log, Probe(port, body, marker)) as gateway,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            command = tools.driver_command(Run(scenario, port, order.seconds, WARM_S))
            return runner.run(_Rounds(order, port, gateway.pid, command, tools, say).run())


class _Rounds:
    def __init__(
        self, order: SlowOrder, port: int, pid: int, command: list[str], tools: OwnTools, say: Callable[[str], None]
    ) -> None:
        self._order = order
        self._pid = pid
        self._command = command
        self._tools = tools
        self._say = say
        self._crowd = SlowCrowd(port, order.clients, TERMS, order.mix)

    async def run(self) -> SlowFound:
        windows: list[Window] = []
        self._say("warming up")
        await self._drive()
        for number in range(1, self._order.rounds + 1):
            windows.append(await self._measure(number))
            self._tell(number, f"{self._order.clients:,} slow clients come")
            await self._crowd.come(COME_WITHIN_S)
            windows.append(await self._measure(number))
            self._tell(number, f"waiting until {self._crowd.open_now:,} slow clients are ended")
            await self._crowd.leave()
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return SlowFound(at, machine(), self._order, tuple(windows), self._crowd.ends)

    async def _measure(self, number: int) -> Window:
        slow_clients = self._crowd.open_now
        self._tell(number, f"{self._order.rate_per_s:g} good requests a second beside {slow_clients:,} slow clients")
        now_s = asyncio.get_running_loop().time
        began_s, own_began_s, others_began_s = now_s(), proc.cpu_s(self._pid), others_cpu_s()
        report = self._tools.report(await self._drive())
        took_s = now_s() - began_s
        own, others = (proc.cpu_s(self._pid) - own_began_s) / took_s, (others_cpu_s() - others_began_s) / took_s
        if report.latency_us is None:
            raise DidNotStart(f"no good reply in a whole window; first: {report.first_bad or 'none came'}")
        p50, p99 = report.latency_us.p50, report.latency_us.p99
        self._tell(number, f"P50 {p50:,} µs, P99 {p99:,} µs, while others took {others:.0%} of a core")
        return Window(number, slow_clients, own, others, proc.pss_bytes(self._pid), report)

    async def _drive(self) -> str:
        driver = await asyncio.create_subprocess_exec(
            *self._command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(WARM_S + self._order.seconds + DRIVER_SPARE_S):
            output, errors = await driver.communicate()
        if driver.returncode:
            raise DidNotStart(f"the driver failed:\n{errors.decode()[-2000:]}")
        return output.decode()

    def _tell(self, number: int, what: str) -> None:
        self._say(f"round {number} of {self._order.rounds}: {what}")


def others_cpu_s() -> float:
    """Return the CPU time that processes which are no part of this have spent so far."""
    # Drivers that have ended are in our children's time, everything that runs is in our tree.
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return proc.machine_cpu_s() - proc.cpu_s(os.getpid()) - ended.ru_utime - ended.ru_stime
