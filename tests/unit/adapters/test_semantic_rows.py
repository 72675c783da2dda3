"""The questions of one scope: the nearest are found exactly, old ones are gone, and there is an end to how many."""

import numpy as np
import pytest

from gateway.adapters.semantic_rows import ScopeRows, unit_of
from gateway.domain.semantic import SemanticEntry

WIDTH = 8


def vector(*numbers: int) -> bytes:
    return np.array((*numbers, *(0,) * (WIDTH - len(numbers))), np.int8).tobytes()


def entry(answer: str, numbers: bytes, *, stored_at_s: float = 1_000.0, ttl_s: float = 60.0) -> SemanticEntry:
    return SemanticEntry(answer, f"question of {answer}", numbers, stored_at_s, ttl_s)


def rows_of(*entries: SemanticEntry, entries_max: int = 100) -> ScopeRows:
    rows = ScopeRows(WIDTH, entries_max)
    for each in entries:
        rows.put(each, 1_000.0)
    return rows


def found(rows: ScopeRows, numbers: bytes, count: int = 4, wall_s: float = 1_000.0) -> list[str]:
    return [each.entry.answer for each in rows.nearest(numbers, count, wall_s)]


def test_the_nearest_come_first_with_their_cosines() -> None:
    rows = rows_of(entry("a", vector(1, 0)), entry("b", vector(3, 4)), entry("c", vector(0, 1)))
    near = rows.nearest(vector(2, 0), 2, 1_000.0)
    assert [each.entry.answer for each in near] == ["a", "b"]
    assert [each.cosine for each in near] == pytest.approx([1.0, 0.6])


def test_many_entries_are_searched_as_exactly_as_a_sort_would() -> None:
    random = np.random.default_rng(7)
    vectors = [random.integers(-127, 128, WIDTH).astype(np.int8).tobytes() for _ in range(500)]
    rows = rows_of(*(entry(str(at), each) for at, each in enumerate(vectors)), entries_max=1_000)
    asked = random.integers(-127, 128, WIDTH).astype(np.int8).tobytes()
    unit = unit_of(asked, WIDTH)
    assert unit is not None
    cosines = [float(other @ unit) for each in vectors if (other := unit_of(each, WIDTH)) is not None]
    wanted = sorted(range(500), key=lambda at: -cosines[at])[:4]
    assert found(rows, asked) == [str(at) for at in wanted]


def test_an_entry_with_the_same_answer_takes_the_place_of_the_former() -> None:
    rows = rows_of(entry("a", vector(1)), entry("b", vector(0, 1)), entry("a", vector(0, 0, 1)))
    assert len(rows) == 2
    assert found(rows, vector(0, 0, 1), 1) == ["a"]
    assert found(rows, vector(1), 1) != ["a"] or rows.nearest(vector(1), 1, 1_000.0)[0].cosine == 0.0


def test_what_is_dropped_is_not_found_and_the_others_still_are() -> None:
    rows = rows_of(*(entry(str(at), vector(*(0,) * at, 1)) for at in range(5)))
    rows.drop("1")
    rows.drop("never there")
    assert len(rows) == 4
    for at in (0, 2, 3, 4):
        assert found(rows, vector(*(0,) * at, 1), 1) == [str(at)]
    for at in (0, 2, 3, 4):
        rows.drop(str(at))
    assert (len(rows), rows.used_bytes) == (0, 0)
    assert found(rows, vector(1)) == []


def test_what_is_too_old_is_not_found_and_makes_room_for_what_is_not() -> None:
    rows = rows_of(entry("old", vector(1), stored_at_s=950.0), entry("new", vector(1, 1)))
    assert found(rows, vector(1), 1, wall_s=1_009.0) == ["old"]
    assert found(rows, vector(1), 1, wall_s=1_010.0) == ["new"]
    assert len(rows) == 1
    assert found(rows, vector(1), 1, wall_s=1_060.0) == []


def test_case_49_a_clock_that_was_an_hour_ahead_makes_nothing_immortal() -> None:
    rows = rows_of(entry("ahead", vector(1), stored_at_s=1_000.0 + 3_600.0))
    assert found(rows, vector(1)) == []


def test_what_is_too_old_goes_when_something_new_comes() -> None:
    rows = rows_of(entry("old", vector(1)))
    rows.put(entry("new", vector(0, 1), stored_at_s=2_000.0), 2_000.0)
    assert len(rows) == 1


def test_the_oldest_goes_when_there_are_too_many() -> None:
    rows = rows_of(*(entry(str(at), vector(at + 1, 1)) for at in range(5)), entries_max=3)
    assert set(found(rows, vector(1), 5)) == {"2", "3", "4"}


@pytest.mark.parametrize("odd", [b"", vector(), vector(1) + b"\x01"])
def test_case_47_a_vector_of_another_length_or_of_none_is_neither_kept_nor_near_to_anything(odd: bytes) -> None:
    rows = rows_of(entry("a", vector(1)))
    rows.put(entry("odd", odd), 1_000.0)
    assert len(rows) == 1
    assert found(rows, odd) == []
