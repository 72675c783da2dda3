"""The card's section is written row by row, and leaves all else of the card alone."""

from router_models.tried.attempt import Attempt, Cost, Missed
from router_models.tried.section import TITLE, part_of, parts_of, section_of, with_section, with_tried

CARD = "# Model card\n\n## Limits\n\n- English only.\n"


def a_missed(protocol: str, figure: str) -> Missed:
    attempts = (Attempt("kernel ridge", figure, "+0.010", Cost(1_500_000, 0.25)), Attempt("none", "0.5"))
    return Missed(protocol, f"measured {protocol}", "≥ 0.72", "encoder 0.676", attempts, ("Labels: too few.",))


def test_a_part_holds_what_is_shipped_what_was_tried_and_what_bounds_it() -> None:
    told = part_of(a_missed("R1", "0.690"))
    assert told.startswith("### R1: measured R1\n")
    assert "| shipped | encoder 0.676 |  | ≥ 0.72 |  |  |" in told
    assert "| kernel ridge | 0.690 | +0.010 | ≥ 0.72 | 1.5 | 0.25 |" in told
    assert told.endswith("\n- Labels: too few.\n")


def test_a_first_run_adds_the_section_and_a_second_one_replaces_only_its_rows() -> None:
    first = with_tried(CARD, {"R1": [a_missed("R1", "0.690")], "R10": [a_missed("R10", "5 %")]})
    assert first.startswith(CARD.rstrip("\n"))
    assert first.count(f"## {TITLE}") == 1
    second = with_tried(
        first, {"R2": [a_missed("R2", "0.640"), a_missed("R2", "0.641")], "R1": [a_missed("R1", "0.7")]}
    )
    assert second.count(f"## {TITLE}") == 1
    assert list(parts_of(section_of(second))) == ["R1", "R2", "R10"]
    assert "0.690" not in second
    assert "0.640" in second
    assert "0.641" in second
    assert "5 %" in second
    assert with_tried(second, {}) == second


def test_a_row_that_is_reached_loses_its_part_and_without_any_part_there_is_no_section() -> None:
    card = with_tried(CARD, {"R1": [a_missed("R1", "0.690")]})
    assert with_tried(card, {"R1": []}) == CARD


def test_what_follows_the_section_stays_behind_it() -> None:
    card = with_section(f"{CARD}\n## {TITLE}\n\nold\n\n## Afterword\n\nend\n", f"## {TITLE}\n\nnew\n")
    assert card == f"{CARD}\n## {TITLE}\n\nnew\n\n## Afterword\n\nend\n"
    assert section_of(card) == f"## {TITLE}\n\nnew\n"
    assert section_of(CARD) == ""
