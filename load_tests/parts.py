"""What a part of the gateway costs: two gateways at once, one with it and one without, that are loaded by turns.

Windows of a second or so follow each other, so that what slows a busy machine meets both; the difference is taken
within each pair. Counted in instructions instead, one pair says it all.
"""

import argparse
import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from load_tests.bodies import Api
from load_tests.compare import Cores, default_cores, machine
from load_tests.launch import DidNotStart, Probe, free_port, on_core, running
from load_tests.meter import CpuTime, Instructions, NoMeter
from load_tests.progress import progress_line
from load_tests.scenarios import SCENARIOS, Scenario
from load_tests.table import show
from load_tests.tally import Report
from load_tests.targets import BARE, SILENT, TARGETS, TELLING, TIERGATE, UNCACHED, Setting
from load_tests.tools import OwnTools, Run

EXAMPLES = """examples:
  python -m load_tests parts
  python -m load_tests parts --of miss,hit --pairs 40
  python -m load_tests parts --instructions

Status 1: a reply was wrong. Status 2: nothing was measured. Goals that are missed are seen in the table.
"""
PIPED_WIDTH = 130
SPARE_S = 60.0
"""A driver that has not ended this long after it should have is stuck."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to be priced: the two gateways whose difference it is, the scenario, and the goal.

    The goal is in microseconds, or in times of what it is without the part where `is_ratio`. `per_chunk` counts by
    chunks of streams instead of by requests. In another `api` than chat, what is without the part is asked for a chat.
    """

    about: str
    without: str
    whole: str
    scenario: str
    goal: float
    per_chunk: bool = False
    is_ratio: bool = False
    api: Api = "chat"

    @property
    def sides(self) -> tuple[tuple[str, Scenario], tuple[str, Scenario]]:
        """The gateway without the part and the one with it, each with what it is asked."""
        plain = SCENARIOS[self.scenario]
        asked = replace(plain, name=f"{plain.name}_{self.api}", body=replace(plain.body, api=self.api))
        return (self.without, plain), (self.whole, asked)


def _surface(about: str, scenario: str, api: Api) -> Part:
    return Part(about, TIERGATE, TIERGATE, scenario, 1.3, is_ratio=True, api=api)


PARTS = {
    "log": Part("telemetry, of a request", SILENT, TELLING, "c64", 25.0),
    "chunk": Part("telemetry, of a chunk", SILENT, TELLING, "s0", 2.0, per_chunk=True),
    "miss": Part("the exact cache, of a miss", UNCACHED, TIERGATE, "c64", 30.0),
    "hit": Part("an exact hit, beside HTTP", BARE, TIERGATE, "hit", 120.0),
    "messages": _surface("a message, beside a chat", "c64", "messages"),
    "messages_stream": _surface("a streamed message, beside a streamed chat", "s0", "messages"),
    "responses": _surface("a response, beside a chat", "c64", "responses"),
    "responses_stream": _surface("a streamed response, beside a streamed chat", "s0", "responses"),
}
"""By the name that `--of` takes. Requests are of 2 kB, streams of 50 chunks, unpaced; all but hits miss the cache."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a request or a chunk takes with a part and without it, one figure a window."""

    part: Part
    without: tuple[float, ...]
    whole: tuple[float, ...]

    @property
    def cost(self) -> tuple[float, ...]:
        """What the part adds, within each pair of windows."""
        return tuple(more - less for more, less in zip(self.whole, self.without, strict=True))

    @property
    def ratio(self) -> tuple[float, ...]:
        """What it is with the part, in times of what it is without, within each pair of windows."""
        return tuple(more / less for more, less in zip(self.whole, self.without, strict=True))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--of", type=_parts, default=list(PARTS.values()), help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--pairs", type=int, default=None, help="windows of each gateway, for each part (15, or 1)")
    parser.add_argument("--seconds", type=float, default=None, help="length of a window (1.5, or 30)")
    parser.add_argument("--instructions", action="store_true", help="count instructions instead of time, by valgrind")
    parser.add_argument("--like", nargs=2, default=["llama-3.1-8b-instruct", "gpt-4o"], metavar=("SMALL", "LARGE"))


def _parts(text: str) -> list[Part]:
    unknown = [name for name in text.split(",") if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no part {unknown[0]!r}; there are: {', '.join(PARTS)}")
    return [PARTS[name] for name in text.split(",")]


def run(options: argparse.Namespace) -> int:
    """Measure and print what was measured to its end; 1 when a reply was wrong, 2 when it was broken off."""
    told, cores = Console(stderr=True), default_cores()
    small, large = options.like
    with progress_line(told) as say, swallowing(cores) as collector, TemporaryDirectory(prefix="tiergate-load-") as at:
        meter, pairs, seconds = (Instructions, 1, 30.0) if options.instructions else (CpuTime, 15, 1.5)
        bench = Bench(OwnTools(Path(at)), cores, (small, large), collector, Path(at), meter)
        pairs, seconds = options.pairs or pairs, options.seconds or seconds
        found: list[Price] = []
        status = 0
        try:
            # What was measured before an interruption is in the list by then.
            found.extend(bench.price(part, pairs, seconds, say) for part in options.of)
        except (DidNotStart, NoMeter) as failure:
            told.print(f"{'the rest was not' if found else 'nothing was'} measured: {failure}", markup=False)
            status = 2
        except KeyboardInterrupt:
            status = 2
    return show([price_table(found, meter)] if found else [], bench.wrong, PIPED_WIDTH) or status


@dataclass(slots=True)
class Bench:
    """Both gateways, and the server behind them. `wrong` says which replies were not as they should be."""

    tools: OwnTools
    cores: Cores
    references: tuple[str, str]
    collector: str
    folder: Path
    meter: type[CpuTime] | type[Instructions]
    wrong: list[str] = field(default_factory=list)

    def price(self, part: Part, pairs: int, seconds: float, say: Callable[[str], None]) -> Price:
        """Measure one part. Raises DidNotStart."""
        port = free_port()
        probe = Probe(port, self.tools.body(SCENARIOS["c64"]), self.tools.marker.encode())
        found: tuple[list[float], list[float]] = ([], [])
        with ExitStack() as stack:
            log = self.folder / "model_server.log"
            stack.enter_context(running(self.tools.server_command(port), self.cores.load, log, probe))
            sides = []
            for name, scenario in part.sides:
                say(f"{part.about}: warming up {name}")
                at, spent = stack.enter_context(self._started(name, scenario, port))
                scenario = replace(scenario, connections=min(scenario.connections, self.meter.CONNECTIONS_MAX))
                self._drive(name, Run(scenario, at, self.meter.WARM_S))
                sides.append((name, scenario, at, spent))
            for number in range(pairs):
                say(f"{part.about}: pair {number + 1} of {pairs}")
                # Whichever comes first has its turn as the second next time.
                for side in ((0, 1), (1, 0))[number % 2]:
                    name, scenario, at, spent = sides[side]
                    spent()
                    report = self._drive(name, Run(scenario, at, seconds))
                    found[side].append(spent() / max(1, report.chunks if part.per_chunk else report.good))
        return Price(part, tuple(found[0]), tuple(found[1]))

    @contextmanager
    def _started(self, name: str, scenario: Scenario, model_port: int) -> Iterator[tuple[int, Callable[[], float]]]:
        """Run a gateway; yield its port, and what tells what it spent since that was asked last."""
        folder = self.folder / f"{name}_{scenario.name}"
        folder.mkdir(exist_ok=True)
        port, meter = free_port(), self.meter(folder)
        setting = Setting(port, model_port, folder, "", None, self.references, collector=self.collector)
        command = TARGETS[name](setting).command
        assert command is not None, "all are gateways"
        probe, log = Probe(port, self.tools.body(SCENARIOS["c64"]), self.tools.marker.encode()), folder / "output.log"
        counted, within_s = meter.command(command), meter.START_LIMIT_S
        with running(counted, self.cores.gateway, log, probe, within_s=within_s) as process:
            yield port, lambda: meter.spent(process.pid)

    def _drive(self, name: str, run: Run) -> Report:
        command = self.tools.driver_command(run)
        with on_core(self.cores.load):
            driver = subprocess.run(command, capture_output=True, text=True, timeout=run.seconds + SPARE_S, check=False)
        if driver.returncode:
            raise DidNotStart(f"the driver failed in {run.scenario.name}:\n{driver.stderr[-2000:]}")
        report = self.tools.report(driver.stdout)
        if report.bad:
            self.wrong.append(f"{name}: {report.bad} wrong replies, first: {report.first_bad}")
        return report


def price_table(found: Sequence[Price], meter: type[CpuTime] | type[Instructions] = CpuTime) -> Table:
    """Draw the cost without each part, with it, and the difference."""
    told = machine()
    title = f"{told['cpu']}, {told['cores']} cores, Python {told['python']}"
    caption = f"{meter.UNIT}; medians of the windows, and of what differs within a pair [the middle half of them]"
    table = Table(title=Text(title), caption=Text(caption), box=box.SIMPLE_HEAD)
    for heading in (meter.UNIT, "without", "with", "the part", "goal"):
        table.add_column(heading, justify="left" if heading == meter.UNIT else "right", no_wrap=True)
    for price in found:
        part = price.part
        added = f"{spread_text(price.ratio, 2)} ×" if part.is_ratio else spread_text(price.cost)
        goal = f"≤ {part.goal:g} {'×' if part.is_ratio else 'µs'}"
        table.add_row(part.about, spread_text(price.without), spread_text(price.whole), added, goal)
    return table


def spread_text(values: Sequence[float], digits: int = 1) -> str:
    """Write the median, and the quartiles where there are enough values for them."""
    if len(values) < 2:
        return f"{values[0]:.{digits}f}"
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.{digits}f} [{low:.{digits}f}–{high:.{digits}f}]"


@contextmanager
def swallowing(cores: Cores) -> Iterator[str]:
    """Take whatever a collector would, and forget it; on the load's core, so that the gateway's is its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with on_core(cores.load):
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
