"""The figures of an overload, and their table."""

from dataclasses import replace

import pytest
from rich.console import Console

from load_tests.cli_overload import fault_lines, overload_table
from load_tests.launch import DidNotStart
from load_tests.overload import OverloadFound, Phase, latency_of
from load_tests.tally import Report, Spread


def _report(p50_us: int, p99_us: int, per_s: float) -> Report:
    latency = Spread(100, float(p50_us), p50_us, p50_us, p99_us, p99_us)
    return Report(100, 0, "", 10.0, per_s, 0, 0.0, 0, 0, 0, latency, None, None)


SHED = Spread(900, 2_000.0, 1_500, 3_000, 8_000, 9_000)
FOUND = OverloadFound(
    at="2026-11-28",
    machine={"cpu": "one", "cores": 2, "python": "3.11"},
    capacity_per_s=80.0,
    direct=_report(100_000, 101_000, 40.0),
    calm=Phase(_report(102_000, 105_000, 40.0), 0.01, 0.1),
    over=Phase(replace(_report(103_000, 109_000, 76.0), shed=900, shed_us=SHED), 0.02, 0.2),
    calm_again_s=2.5,
)


def test_each_figure_stands_beside_its_goal() -> None:
    console = Console(width=110)
    with console.capture() as captured:
        console.print(overload_table(FOUND))
    told = captured.get()
    for part in ("95%", "2.0", "5.0", "9.0", "1.80", "1.5, 8.0", "≤ 20", "≤ 2.5"):
        assert part in told
    assert list(fault_lines(FOUND)) == []


def test_what_was_not_to_be_is_told() -> None:
    over = replace(FOUND.over, report=replace(FOUND.over.report, bad=2, first_bad="500 no", shed_unexplained=3))
    told = list(fault_lines(replace(FOUND, over=over)))
    assert told == [
        "overload: 2 wrong replies, first: 500 no",
        "overload: 3 were turned away without a Retry-After",
    ]


def test_a_phase_without_an_answer_is_no_measurement() -> None:
    with pytest.raises(DidNotStart, match="no good reply"):
        latency_of(replace(FOUND.direct, latency_us=None))
