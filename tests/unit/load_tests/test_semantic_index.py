"""The table of indexes, and small ones measured."""

from dataclasses import replace

import pytest
from rich.console import Console

from load_tests.__main__ import main
from load_tests.index_runs import IndexFound
from load_tests.semantic_index import fault_lines, index_table
from load_tests.tally import spread
from tests.support.search_server import NEEDS_SEARCH

MACHINE = {"cpu": "one", "cores": 2, "python": "3.11"}
TIMES = spread([250, 1_500])
assert TIMES is not None
FOUND = IndexFound("redis-vset", 10_000, TIMES, 1_234.5, TIMES, 77, 0.012, 0.995, 3_000_000, 42_000_000)


def test_an_index_is_a_row() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(index_table("2026-11-29", MACHINE, 300, [FOUND]))
    for part in ("redis-vset", "10,000", "0.25 ms", "77 µs", "1.2%", "99.5%", "1,234", "3 MB", "42 MB", "300 searches"):
        assert part in captured.get()


def test_an_index_that_does_not_find_what_it_holds_is_told() -> None:
    assert list(fault_lines([FOUND])) == []
    assert list(fault_lines([replace(FOUND, right=0.5)])) == [
        "redis-vset, 10,000 questions: only 50% of the searches found their own"
    ]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--questions", "0,10"), "there must be questions"),
        (("--searches", "0"), "there must be questions"),
    ],
)
def test_nothing_to_measure_is_refused(options: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["semantic_index", *options]) == 2
    assert why in capsys.readouterr().err


@NEEDS_SEARCH
def test_the_process_and_a_server_are_measured_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = [word for kind in ("process", "redis-ft") for word in ("--kind", kind)]
    assert main(["semantic_index", "--questions", "50,100", "--searches", "5", *kinds]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows if row and row[0] in kinds] == [
        [kind, size] for kind in ("process", "redis-ft") for size in ("50", "100")
    ]
