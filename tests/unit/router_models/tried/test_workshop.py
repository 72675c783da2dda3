"""Which goals are missed is read from the model card."""

from pathlib import Path

from router_models.card import model_card
from router_models.report import Line, Part, Verdict
from router_models.tried.workshop import Workshop, lines_of
from tests.support.routing_bench import QUICK, SEED, a_bench


def a_line(protocol: str, measured: str, router: str, verdict: Verdict) -> Line:
    return Line(protocol, measured, router, "0.676 (0.656 to 0.696); CPT(50) 26.4", verdict=verdict)


LINES = (
    a_line("R1", "mmlu", "encoder", Verdict.GOAL),
    a_line("R1", "mmlu", "folded", Verdict.MISSED),
    a_line("R8", "gsm8k", "encoder", Verdict.MISSED),
    a_line("R8", "gsm8k", "static", Verdict.MISSED),
    a_line("R8", "all", "encoder", Verdict.NOT_RUN),
    a_line("R12", "3 labels", "encoder", Verdict.FOR_COMPARISON),
    a_line("R11", "2 kB", "folded", Verdict.MISSED),
    a_line("R11", "2 kB", "static", Verdict.MOONSHOT),
)


def test_lines_are_read_as_they_were_written(tmp_path: Path) -> None:
    bench = a_bench(tmp_path, lambda _: None)
    card = model_card(bench.outcomes, QUICK, SEED, ["R1"], Part(LINES), tmp_path)
    assert tuple(lines_of(card)) == LINES
    assert lines_of("# Model card\n") == []


def test_a_goal_is_missed_when_no_router_reaches_it_and_a_time_by_each_alone(tmp_path: Path) -> None:
    shop = Workshop(a_bench(tmp_path, lambda _: None), LINES)
    assert shop.missed("R1") == {}
    assert shop.missed("R8") == {"gsm8k": LINES[2]}
    assert shop.missed("R11") == {"folded, 2 kB": LINES[6]}
    assert shop.missed("R12") == {}
