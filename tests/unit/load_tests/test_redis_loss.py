"""The figures of hits and of a lost Redis, and their tables."""

from dataclasses import replace

from rich.console import Console

from load_tests.cli_redis_loss import fault_lines, hits_table, loss_table
from load_tests.redis_loss import Hits, Phase, RedisLossFound
from load_tests.tally import Report, Spread


def _spread(p50_us: int, p99_us: int) -> Spread:
    return Spread(100, float(p50_us), p50_us, p50_us, p99_us, p99_us)


def _report(p50_us: int, p99_us: int) -> Report:
    return Report(100, 0, "", 2.0, 50.0, 0, 0.0, 0, 0, 0, _spread(p50_us, p99_us), None, None)


FOUND = RedisLossFound(
    at="2026-11-29",
    machine={"cpu": "one", "cores": 2, "python": "3.11"},
    hits=Hits(_spread(5_000, 6_000), _spread(900, 2_500), _spread(250, 750)),
    direct=_report(5_000, 6_000),
    phases=(
        Phase("Redis is up", _report(8_000, 9_000), _report(7_000, 8_500)),
        Phase("Redis is frozen", _report(9_000, 35_100), _report(7_300, 8_900)),
    ),
)


def told(found: RedisLossFound) -> str:
    console = Console(width=110)
    with console.capture() as captured:
        console.print(hits_table(found), loss_table(found))
    return captured.get()


def test_each_figure_stands_beside_its_goal() -> None:
    text = told(FOUND)
    for part in ("5.00", "0.25", "0.75", "0.90", "2.50", "0 of 100", "30.1", "2.3", "3.9", "≤ 25"):
        assert part in text
    assert list(fault_lines(FOUND)) == []


def test_a_failed_request_is_told_with_its_state_and_why() -> None:
    up, frozen = FOUND.phases
    broken = replace(
        FOUND, phases=(up, replace(frozen, beginning=replace(frozen.beginning, bad=2, first_bad="503 no")))
    )
    assert list(fault_lines(broken)) == ["Redis is frozen: 2 requests failed, first: 503 no"]
    assert "2 of 102" in told(broken)


def test_a_state_without_an_answer_has_no_times() -> None:
    silent = replace(FOUND.direct, good=0, bad=50, first_bad="no answer", latency_us=None)
    assert "–" in told(replace(FOUND, phases=(Phase("Redis is up", silent, silent),)))
