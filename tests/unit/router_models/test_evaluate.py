"""All protocols, on a small world that has the names of the public data."""

from pathlib import Path

import pytest

from router_models.card import model_card, summary
from router_models.evaluate import PROTOCOLS, evaluate
from router_models.plots import draw
from router_models.references_table import AIMS, one_table
from router_models.report import Line, Part, Verdict, verdict
from tests.support.routing_bench import QUICK, SEED, a_bench

PLOTS = Path("plots")
pytestmark = pytest.mark.xdist_group("fits")


def test_every_protocol_has_lines_and_an_aim(evaluated: Part) -> None:
    assert {line.protocol for line in evaluated.lines} == set(PROTOCOLS) == set(AIMS)


def test_the_table_holds_every_line_beside_its_goal(evaluated: Part) -> None:
    table = one_table(evaluated.lines)
    assert len(table.rows) == len(evaluated.lines)
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert {row[-1] for row in table.rows} <= set(Verdict)


def test_in_its_domain_every_stage_is_better_than_length(evaluated: Part) -> None:
    lines = [line for line in evaluated.lines if line.protocol == "R1"]
    assert [line.router for line in lines] == ["encoder", "static", "folded"]
    assert all("; better: +" in line.length for line in lines)


def test_a_set_too_small_for_a_figure_is_left_out(evaluated: Part) -> None:
    assert not any("mt_bench" in line.measured for line in evaluated.lines)


def test_every_row_of_a_table_has_its_columns(evaluated: Part) -> None:
    for table in evaluated.tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.title


def test_without_a_file_of_latencies_the_table_says_how_to_get_one(evaluated: Part) -> None:
    (line,) = [line for line in evaluated.lines if line.verdict is Verdict.NOT_RUN]
    assert "load_tests scoring" in line.figure


def test_a_second_run_makes_no_fit_and_finds_the_same(kept: Path, evaluated: Part) -> None:
    told: list[str] = []
    bench = a_bench(kept, told.append)
    again = evaluate(bench, ["R5", "R10"], lambda _: None)
    assert all("fit on" not in note for note in told)
    assert list(again.lines) == [line for line in evaluated.lines if line.protocol in ("R5", "R10")]


def test_the_card_holds_every_table_and_plot_and_says_what_was_not_run(evaluated: Part, tmp_path: Path) -> None:
    outcomes = a_bench(tmp_path, lambda _: None).outcomes
    card = model_card(outcomes, QUICK, SEED, list(PROTOCOLS), evaluated, PLOTS)
    assert all(f"## {table.title}" in card for table in evaluated.tables)
    assert all(f"(plots/{drawing.name}.svg)" in card for drawing in evaluated.drawings)
    assert "Not run here" not in card
    alone = model_card(outcomes, QUICK, SEED, ["R1"], Part(), PLOTS)
    assert "Not run here: R2, R3" in alone


def test_plots_are_the_same_for_the_same_figures(evaluated: Part, tmp_path: Path) -> None:
    first, second = (draw(evaluated.drawings, tmp_path / name) for name in ("one", "two"))
    assert {path.stem for path in first} >= {"pgr-mmlu", "frontier-1", "reliability-mmlu", "adaptation"}
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_summary_counts_what_has_a_goal_and_names_what_is_missed() -> None:
    reached = Line("R1", "", "", "", verdict=verdict(goal=True, moonshot=False))
    missed = Line("R10", "", "", "", verdict=verdict(goal=False, moonshot=True))
    compared = Line("R5", "", "", "")
    assert summary([reached, missed, compared]) == (
        "**Reached.** 1 of 2 lines that have a goal reach it. Missed by at least one router: R10."
    )
    assert summary([reached]).endswith("None is missed.")
    assert verdict(goal=True, moonshot=True) is Verdict.MOONSHOT
