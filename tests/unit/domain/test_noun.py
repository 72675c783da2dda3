"""Nouns are values: equal and hashed by their members, and frozen to the type checker."""

from dataclasses import field, fields, replace

import pytest

from gateway.domain.noun import noun


@noun
class Place:
    """A noun with a default of each kind."""

    name: str
    floor: int = 0
    doors: tuple[str, ...] = field(default_factory=tuple)


def test_nouns_are_equal_and_hashed_by_their_members() -> None:
    assert Place("hall") == Place("hall", 0, ())
    assert hash(Place("hall")) == hash(Place("hall"))
    assert len({Place("hall"), Place("hall"), Place("loft", 2)}) == 2


def test_a_noun_has_slots_for_its_members_alone() -> None:
    assert [member.name for member in fields(Place("hall"))] == ["name", "floor", "doors"]
    assert not hasattr(Place("hall"), "__dict__")


def test_a_changed_noun_is_another_one() -> None:
    hall = Place("hall")
    assert replace(hall, floor=1) == Place("hall", 1)
    assert hall.floor == 0


def test_a_member_without_default_must_be_given() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        Place()  # type: ignore[call-arg]


def test_the_type_checker_refuses_assignment() -> None:
    """The proof is the comment: once assignments were let through, mypy would call it unused, which is an error."""
    hall = Place("hall")
    hall.floor = 1  # type: ignore[misc]
    assert hall.floor == 1
