"""Tables, and the marks that stand in them."""

import pytest

from gateway.app.console.table import bar, empty, facts, number, row, state, table


def test_a_table_has_a_head_for_each_column_and_can_be_scrolled_by_keyboard() -> None:
    made = table("Tiers", "Tier|>Cost", row(number(3)), id="tiers")
    assert made.startswith('<div class="scroll" tabindex="0" role="region" aria-label="Tiers"><table>')
    assert '<th scope="col">Tier</th><th scope="col" class="number">Cost</th>' in made
    assert '<tbody id="tiers"><tr><td class="number">3</td></tr></tbody>' in made


@pytest.mark.parametrize(
    ("part", "whole", "width"), [(1, 4, "25.0%"), (0, 0, "0.0%"), (-1, 4, "0.0%"), (9, 4, "100.0%")]
)
def test_a_bar_stays_within_its_bounds(part: float, whole: float, width: str) -> None:
    assert f'<rect width="{width}" height="100%" class="filled">' in bar(part, whole)


def test_a_state_is_told_by_words_and_not_by_its_mark_alone() -> None:
    assert state("poor", "given up") == '<td><span class="state poor">given up</span></td>'


def test_an_empty_table_says_so_over_all_its_columns() -> None:
    assert empty(3, "Nothing yet.") == '<tr><td colspan="3" class="empty">Nothing yet.</td></tr>'


def test_facts_are_pairs() -> None:
    assert facts([("a", "<b>")]) == '<dl class="facts"><dt>a</dt><dd>&lt;b&gt;</dd></dl>'
