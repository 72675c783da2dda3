"""What the comparison says of its measurements."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from rich.table import Table

from load_tests.compare import Comparison, Measurement
from load_tests.summary import FIGURES, Figure, Range, bad_replies, figure_range
from load_tests.table import comparison_table, remarks, show
from load_tests.tally import Report, Spread, report_from_json

SPREAD = Spread(n=10, mean=100.0, p50=100, p90=150, p99=200, max=300)
REPORT = Report(
    good=1_000,
    bad=0,
    first_bad="",
    elapsed_s=1.0,
    requests_per_s=1_000.0,
    chunks=0,
    chunks_per_s=0.0,
    reconnects=0,
    issued_late=0,
    unanswered=0,
    latency_us=SPREAD,
    first_token_us=None,
    chunk_delay_us=None,
)


def _measured(target: str, scenario: str, number: int, cpu_s: float, report: Report = REPORT) -> Measurement:
    return Measurement(target, scenario, number, cpu_s, 50_000_000, report)


def _figure(title: str, scenario: str) -> Figure:
    return next(figure for figure in FIGURES if figure.title.startswith(title) and figure.scenario == scenario)


def _numbers(figure: Figure, target: str, measurements: list[Measurement]) -> tuple[float, float, float]:
    found = figure_range(figure, target, measurements)
    assert found is not None
    return found.median, found.low, found.high


CPU, RATIO = _figure("CPU", "c64"), _figure("  × nginx", "c64")


def test_a_figure_is_the_median_with_its_range() -> None:
    rounds = [_measured("tiergate", "c64", number, cpu_s) for number, cpu_s in enumerate((0.2, 0.4, 0.3), start=1)]
    assert _numbers(CPU, "tiergate", rounds) == pytest.approx((300.0, 200.0, 400.0))


def test_a_ratio_is_taken_within_its_round() -> None:
    measured = [
        _measured("nginx", "c64", 1, 0.02),
        _measured("nginx", "c64", 2, 0.10),
        _measured("tiergate", "c64", 1, 0.20),
        _measured("tiergate", "c64", 2, 0.30),
        _measured("tiergate", "c64", 3, 9.99),
    ]
    assert _numbers(RATIO, "tiergate", measured) == pytest.approx((6.5, 3.0, 10.0))
    assert figure_range(RATIO, "nginx", measured) is None


def test_a_hit_is_compared_with_nginx_passing_the_request_on() -> None:
    measured = [_measured("nginx", "c64", 1, 0.02), _measured("tiergate", "hit", 1, 0.05)]
    found = figure_range(_figure("  × nginx", "hit"), "tiergate", measured)
    assert found is not None
    assert found.median == pytest.approx(2.5)


def test_added_times_are_counted_from_the_direct_run() -> None:
    slow = replace(REPORT, latency_us=replace(SPREAD, p50=450, p99=1_200))
    measured = [_measured("direct", "r100", 1, 0.0), _measured("tiergate", "r100", 1, 0.1, slow)]
    p50, p99 = (figure_range(_figure(title, "r100"), "tiergate", measured) for title in ("added", "  p99"))
    assert p50 == Range(350, 350, 350)
    assert p99 == Range(1_000, 1_000, 1_000)


def test_what_was_not_measured_has_no_figure() -> None:
    assert figure_range(CPU, "tiergate", []) is None
    assert figure_range(CPU, "direct", [_measured("direct", "c64", 1, 0.0)]) is None
    assert figure_range(_figure("added", "sq"), "tiergate", [_measured("tiergate", "sq", 1, 0.1)]) is None


def test_a_range_is_written_only_where_there_is_one() -> None:
    assert Range(1234.0, 1234.0, 1234.0).text() == "1,234"
    assert Range(2.5, 2.25, 3.0).text(2) == "2.50 [2.25–3.00]"


def _comparison(*measurements: Measurement) -> Comparison:
    machine: dict[str, object] = {"cpu": "CPU", "cores": 2, "system": "Linux", "python": "3.11"}
    return Comparison("now", machine, "load_tests", {"nginx": "1.2"}, {"sglang-router": "not [here]"}, measurements)


def test_the_table_shows_ranges_versions_and_goals() -> None:
    table = comparison_table(
        _comparison(
            _measured("nginx", "c64", 1, 0.02),
            _measured("nginx", "c64", 2, 0.03),
            _measured("tiergate", "c64", 1, 0.2),
            _measured("tiergate", "c64", 2, 0.3),
        )
    )
    written = io.StringIO()
    Console(width=160, file=written).print(table)
    text = written.getvalue()
    for part in (
        "25 [20–30]",
        "250 [200–300]",
        "10.00",
        "1.2",
        "≤ 400, aim 250",
        "medians of 2 rounds [lowest–highest]",
    ):
        assert part in text
    assert "50 kB" not in text


def test_wrong_replies_and_missing_targets_are_told() -> None:
    wrong = replace(REPORT, bad=7, first_bad="503 [no]")
    found = _comparison(_measured("nginx", "c64", 1, 0.02), _measured("tiergate", "c64", 1, 0.2, wrong))
    assert bad_replies("tiergate", found.measurements) == (7, "503 [no]")
    assert list(remarks(found)) == [
        "sglang-router is left out: not [here]",
        "tiergate: 7 wrong replies, first: 503 [no]",
    ]


def test_a_report_survives_its_json() -> None:
    assert report_from_json(REPORT.to_json()) == REPORT


def test_what_is_wrong_is_said_below_the_tables_and_is_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert show([Table(title="figures")], [], 80) == 0
    assert "wrong" not in capsys.readouterr().out
    assert show([Table(title="figures")], ["[one] was wrong"], 80) == 1
    assert capsys.readouterr().out.endswith("[one] was wrong\n")
