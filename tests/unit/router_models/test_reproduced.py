"""One card against another's intervals."""

from pathlib import Path

import pytest

from router_models.__main__ import main
from router_models.data import DataError
from router_models.references_table import one_table
from router_models.report import Line
from router_models.reproduced import Told, held, told


@pytest.mark.parametrize(
    ("figure", "wanted"),
    [
        ("0.688 (0.667 to 0.708); CPT(50) 26.9, CPT(80) 56.6", Told(0.688, 0.667, 0.708)),
        ("48.8 % at 99.3 % quality; below the zero-router by 39.9 (-6.2 to 55.0) points", Told(39.9, -6.2, 55.0)),
        ("17.5 ± 5.5 % of runs above α at a share of 80.4 %", Told(17.5, 12.0, 23.0)),
        ("0.8 % flip on the mean, 4.0 ± 2.5 % by the worst (typos)", Told(4.0, 1.5, 6.5)),
        ("APGR 0.665 by short cuts, 0.664 without: -0.0004 lost", None),
        ("67 µs", None),
    ],
)
def test_the_first_figure_with_an_interval_counts(figure: str, wanted: Told | None) -> None:
    assert told(Line("R1", "a set", "static", figure)) == wanted


def lines(*figures: str) -> list[Line]:
    return [Line("R1", f"set {number}", "static", figure) for number, figure in enumerate(figures)]


def test_figures_are_held_against_the_card_s_intervals_alone() -> None:
    card = lines("0.50 (0.40 to 0.60)", "0.50 (0.40 to 0.60)", "67 µs")
    pairs = list(held(card, lines("0.60 (0.10 to 0.90)", "0.61 (0.10 to 0.90)", "90 µs")))
    assert [pair.is_within for pair in pairs] == [True, False]
    with pytest.raises(DataError, match="no figure for R1, set 1, static"):
        list(held(card, lines("0.60 (0.10 to 0.90)")))


def write(path: Path, found: list[Line]) -> Path:
    table = one_table(found)
    rows = [table.columns, tuple("---" for _ in table.columns), *table.rows]
    path.write_text("\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n", "utf-8")
    return path


def test_the_command_names_what_lies_outside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = write(tmp_path / "card.md", lines("0.50 (0.40 to 0.60)", "0.70 (0.65 to 0.75)"))
    anew = write(tmp_path / "anew.md", lines("0.55 (0.45 to 0.65)", "0.60 (0.55 to 0.65)"))
    assert main(["reproduced", str(card), "--card", str(card)]) == 0
    assert "2 of 2 figures lie within the intervals of card.md" in capsys.readouterr().out
    assert main(["reproduced", str(anew), "--card", str(card)]) == 1
    said = capsys.readouterr().out
    assert "1 of 2 figures" in said
    assert "set 1" in said
    assert "0.7 (0.65 to 0.75)" in said
    assert main(["reproduced", str(tmp_path / "none.md"), "--card", str(card)]) == 2
    assert "Write one: python -m router_models evaluate" in capsys.readouterr().out
