"""What a campaign of slow clients may be asked, and how its figures are put."""

from collections import Counter
from dataclasses import replace

import pytest
from rich.console import Console

from load_tests.cli_slow_clients import good_table, slow_table
from load_tests.compare import Cores
from load_tests.plan import RefusedLoad
from load_tests.slow_campaign import MAX_CLIENTS, SlowFound, SlowOrder, Window, allow_files, range_of
from load_tests.slow_client import Kind
from load_tests.slow_crowd import Ends
from load_tests.tally import Report, Spread

ORDER = SlowOrder(2_000, 2, 20.0, 200.0, Cores(None, None), ("one", "two"))


def window(number: int, slow_clients: int, p99: int) -> Window:
    latency = Spread(n=4_000, mean=900.0, p50=800, p90=1_000, p99=p99, max=9_000)
    report = Report(4_000, 0, "", 20.0, 200.0, 0, 0.0, 0, 0, 0, latency, None, None)
    return Window(number, slow_clients, cpu_share=0.1, others_share=0.5, pss_bytes=100_000_000, report=report)


FOUND = SlowFound(
    at="2026-01-01T00:00:00+00:00",
    machine={"cpu": "Some CPU", "cores": 2, "python": "3.11"},
    order=ORDER,
    windows=(window(1, 0, 2_000), window(1, 2_000, 2_100), window(2, 0, 1_000), window(2, 2_000, 1_200)),
    ends={Kind.HEAD: Ends(well=900), Kind.READER: Ends(well=199, faults=Counter({"was still open": 1}))},
)


def test_ratios_are_taken_within_a_round() -> None:
    console = Console(width=130)
    with console.capture() as drawn:
        console.print(good_table(FOUND))
    (row,) = (line for line in drawn.get().splitlines() if "P99" in line)
    assert "1.12 [1.05–1.20]" in row
    assert "≤ 1.10" in row


def test_ends_are_counted_by_what_a_client_is_slow_at() -> None:
    console = Console(width=100)
    with console.capture() as drawn:
        console.print(slow_table(FOUND))
    rows = [line.split() for line in drawn.get().splitlines()]
    assert [row[-3:] for row in rows if row[-2:-1] in (["900"], ["199"])] == [["10", "900", "0"], ["60", "199", "1"]]


@pytest.mark.parametrize("change", [{"clients": 0}, {"clients": MAX_CLIENTS + 1}, {"rounds": 0}])
def test_a_campaign_without_bounds_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(RefusedLoad):
        replace(ORDER, **change)  # type: ignore[arg-type]


def test_open_files_are_allowed_as_far_as_the_system_does() -> None:
    allow_files(1)
    with pytest.raises(RefusedLoad, match="open files are needed"):
        allow_files(2**40)


def test_an_odd_number_of_rounds_has_one_in_the_middle() -> None:
    assert range_of([3.0, 1.0, 2.0]).text(1) == "2.0 [1.0–3.0]"
