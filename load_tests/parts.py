"""What telemetry costs: two gateways at once, one with all of it and one with none, that are loaded by turns.

Windows of a second or so follow each other, so that what slows a busy machine meets both; the difference is taken
within each pair.
"""

import argparse
import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from load_tests import proc
from load_tests.compare import Cores, default_cores, machine
from load_tests.launch import DidNotStart, Probe, free_port, on_core, running
from load_tests.progress import progress_line
from load_tests.scenarios import SCENARIOS
from load_tests.table import show
from load_tests.tally import Report
from load_tests.targets import SILENT, TARGETS, TELLING, Setting
from load_tests.tools import OwnTools, Run

EXAMPLES = """examples:
  python -m load_tests telemetry
  python -m load_tests telemetry --pairs 40

Status 1: a reply was wrong. Status 2: nothing was measured. Goals that are missed are seen in the table.
"""
PIPED_WIDTH = 130
WARM_SECONDS = 2.0
SPARE_S = 60.0
"""A driver that has not ended this long after it should have is stuck."""
TESTS = (
    ("a request of 2 kB that misses the cache", "c64", False, 25.0),
    ("a chunk of a stream, unpaced", "s0", True, 2.0),
)
"""What is measured, by which scenario, whether by chunk, and the goal in microseconds."""


@dataclass(frozen=True, slots=True)
class Price:
    """CPU time in microseconds with and without telemetry, one figure a window."""

    about: str
    without_us: tuple[float, ...]
    with_us: tuple[float, ...]
    goal_us: float

    @property
    def cost_us(self) -> tuple[float, ...]:
        """What telemetry adds, within each pair."""
        return tuple(more - less for more, less in zip(self.with_us, self.without_us, strict=True))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--pairs", type=int, default=15, help="windows of each, for each test (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a window (%(default)s)")
    parser.add_argument("--like", nargs=2, default=["llama-3.1-8b-instruct", "gpt-4o"], metavar=("SMALL", "LARGE"))


def run(options: argparse.Namespace) -> int:
    """Measure and print; 1 when a reply was wrong, 2 when nothing could be measured."""
    told, cores = Console(stderr=True), default_cores()
    small, large = options.like
    with progress_line(told) as say, swallowing(cores) as collector, TemporaryDirectory(prefix="tiergate-load-") as at:
        bench = Bench(OwnTools(Path(at)), cores, (small, large), collector, Path(at))
        try:
            found = list(bench.prices(options.pairs, options.seconds, say))
        except DidNotStart as failure:
            told.print(f"nothing was measured: {failure}", markup=False)
            return 2
    return show([price_table(found)], bench.wrong, PIPED_WIDTH)


@dataclass(slots=True)
class Bench:
    """Both gateways, and the server behind them. `wrong` says which replies were not as they should be."""

    tools: OwnTools
    cores: Cores
    references: tuple[str, str]
    collector: str
    folder: Path
    wrong: list[str] = field(default_factory=list)

    def prices(self, pairs: int, seconds: float, say: Callable[[str], None]) -> Iterator[Price]:
        """Measure a request, then a chunk. Raises DidNotStart."""
        port = free_port()
        probe = Probe(port, self.tools.body(SCENARIOS["c64"]), self.tools.marker.encode())
        with ExitStack() as stack:
            log = self.folder / "model_server.log"
            stack.enter_context(running(self.tools.server_command(port), self.cores.load, log, probe))
            started = {name: stack.enter_context(self._started(name, port)) for name in (SILENT, TELLING)}
            for about, scenario, per_chunk, goal_us in TESTS:
                found: dict[str, list[float]] = {name: [] for name in started}
                for name, (at, _) in started.items():
                    say(f"warming up: {name}, {scenario}")
                    self._drive(name, Run(SCENARIOS[scenario], at, WARM_SECONDS))
                for number in range(pairs):
                    say(f"{scenario}: pair {number + 1} of {pairs}")
                    # Whichever comes first has its turn as the second next time.
                    for name in sorted(started, reverse=bool(number % 2)):
                        at, pid = started[name]
                        before_s = proc.cpu_s(pid)
                        report = self._drive(name, Run(SCENARIOS[scenario], at, seconds))
                        spent_s = proc.cpu_s(pid) - before_s
                        found[name].append(spent_s * 1e6 / max(1, report.chunks if per_chunk else report.good))
                yield Price(about, tuple(found[SILENT]), tuple(found[TELLING]), goal_us)

    @contextmanager
    def _started(self, name: str, model_port: int) -> Iterator[tuple[int, int]]:
        folder = self.folder / name
        folder.mkdir()
        port = free_port()
        setting = Setting(port, model_port, folder, "", None, self.references, collector=self.collector)
        command = TARGETS[name](setting).command
        assert command is not None, "both are gateways"
        probe = Probe(port, self.tools.body(SCENARIOS["c64"]), self.tools.marker.encode())
        with running(command, self.cores.gateway, folder / "output.log", probe) as process:
            yield port, process.pid

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


def price_table(found: Sequence[Price]) -> Table:
    """Draw what each costs without, with, and the difference."""
    told = machine()
    title = f"{told['cpu']}, {told['cores']} cores, Python {told['python']}"
    caption = "CPU µs; medians of the windows, and of the differences within a pair [the middle half of them]"
    table = Table(title=Text(title), caption=Text(caption), box=box.SIMPLE_HEAD)
    for heading in ("CPU time, µs, of", "without", "with all", "telemetry", "goal"):
        table.add_column(heading, justify="left" if heading == "CPU time, µs, of" else "right", no_wrap=True)
    for price in found:
        figures = (price.without_us, price.with_us, price.cost_us)
        table.add_row(price.about, *(spread_text(each) for each in figures), f"≤ {price.goal_us:g}")
    return table


def spread_text(values: Sequence[float]) -> str:
    """Write the median, and the quartiles where there are enough values for them."""
    if len(values) < 2:
        return f"{values[0]:.1f}"
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.1f} [{low:.1f}–{high:.1f}]"


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
