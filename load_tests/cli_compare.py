"""The options of `compare`."""

import argparse
import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from rich.console import Console

from load_tests.compare import Comparison, Cores, Order, compare, default_cores, with_direct
from load_tests.launch import DidNotStart
from load_tests.progress import progress_line
from load_tests.scenarios import SCENARIOS
from load_tests.standard import CannotCompile, StandardTools
from load_tests.table import comparison_table, remarks, show
from load_tests.targets import TARGETS
from load_tests.tools import OwnTools

EXAMPLES = """examples:
  python -m load_tests compare
  python -m load_tests compare --tests c64,hit --rounds 3 --json
  python -m load_tests compare --gateway tiergate,nginx,sglang-router --sglang-router .venv-peers/bin/sglang-router
  git worktree add ../before HEAD~20; python -m load_tests compare --gateway tiergate,before --before ../before
"""
WARM_SECONDS = 1.5
"""Before each test: enough for caches, pools and the interpreter's own specialisation to settle."""

PIPED_WIDTH = 190
"""Columns of the table where there is no terminal to fit it into."""

LISTED_TESTS = "c64,c64_50k,hit,r100,s0,sq"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES + "\ntests:\n" + "".join(f"  {s.name:<8} {s.about}\n" for s in SCENARIOS.values())
    parser.add_argument("--gateway", type=_names(TARGETS), default="tiergate,nginx", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--tests", type=_names(SCENARIOS), default=LISTED_TESTS, help="default %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default %(default)s")
    parser.add_argument("--replies", type=int, default=20_000, help="good replies of c64, at least (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the timed tests (%(default)s)")
    parser.add_argument("--bench-dir", type=Path, help="use the external tools whose C sources are in this folder")
    parser.add_argument("--sglang-router", default="sglang-router", metavar="PATH", help="its program")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="a checkout of this gateway as it was")
    parser.add_argument("--like", nargs=2, default=["llama-3.1-8b-instruct", "gpt-4o"], metavar=("SMALL", "LARGE"))
    parser.add_argument("--gateway-core", type=int, help="core of the gateway; the last one")
    parser.add_argument("--load-core", type=int, help="core of the model server and the driver; the first one")
    parser.add_argument("--json", action="store_true", help="print everything measured as JSON instead of the table")


def run(options: argparse.Namespace) -> int:
    """Compare; 1 when a target was left out or answered wrongly, 2 when nothing could be measured."""
    told = Console(stderr=True)
    make_tools = partial(StandardTools, options.bench_dir) if options.bench_dir else OwnTools
    with progress_line(told) as say:
        try:
            found = compare(_order(options), make_tools, say)
        except (DidNotStart, CannotCompile) as failure:
            told.print(f"nothing was measured: {failure}", markup=False)
            return 2
    return _show(found, as_json=options.json)


def _order(options: argparse.Namespace) -> Order:
    scenarios = tuple(SCENARIOS[name] for name in options.tests)
    cores = default_cores()
    gateway_core = cores.gateway if options.gateway_core is None else options.gateway_core
    load_core = cores.load if options.load_core is None else options.load_core
    small, large = options.like
    return Order(
        targets=with_direct(options.gateway, scenarios),
        scenarios=scenarios,
        rounds=options.rounds,
        replies=options.replies,
        seconds=options.seconds,
        warm_seconds=WARM_SECONDS,
        cores=Cores(gateway_core, load_core),
        sglang_router=options.sglang_router,
        before=options.before and options.before.resolve(),
        references=(small, large),
    )


def _show(found: Comparison, *, as_json: bool) -> int:
    if not as_json:
        return show([comparison_table(found)], remarks(found), PIPED_WIDTH)
    print(json.dumps(found.to_json(), indent=1))
    return 1 if any(remarks(found)) else 0


def _names(known: Iterable[str]) -> Callable[[str], list[str]]:
    choices = list(known)

    def read(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(choices)}")
        return names

    return read
