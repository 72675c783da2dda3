"""A mapping whose entries end."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.memory_expiring import Expiring


def test_entries_are_forgotten_the_earliest_first_and_no_more_than_asked() -> None:
    kept: Expiring[str, int] = Expiring()
    for name, ends_s in (("late", 30.0), ("early", 10.0), ("middle", 20.0)):
        kept.put(name, 1, ends_s)
    assert kept.forget(9.9, 10) == []
    assert [name for name, _ in kept.forget(25.0, 1)] == ["early"]
    assert [name for name, _ in kept.forget(25.0, 10)] == ["middle"]
    assert (kept.get("late"), len(kept)) == (1, 1)


def test_the_later_of_two_ends_counts() -> None:
    kept: Expiring[str, int] = Expiring()
    kept.put("a", 1, 10.0)
    kept.put("a", 2, 50.0)
    kept.put("a", 3, 20.0)
    assert kept.forget(49.0, 10) == []
    assert kept.forget(50.0, 10) == [("a", 3)]


def test_what_was_taken_out_is_not_forgotten_again() -> None:
    kept: Expiring[str, int] = Expiring()
    kept.put("a", 1, 10.0)
    assert kept.pop("a") == 1
    assert kept.pop("a") is None
    assert kept.forget(20.0, 10) == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 20), st.booleans()), max_size=40))
def test_everything_ends_exactly_once(steps: list[tuple[str, int, bool]]) -> None:
    kept: Expiring[str, int] = Expiring()
    ends: dict[str, int] = {}
    for now_s, (name, ends_s, is_put) in enumerate(steps):
        if is_put:
            kept.put(name, 0, float(ends_s))
            ends[name] = max(ends_s, ends.get(name, 0))
        elif kept.pop(name) is not None:
            del ends[name]
        for forgotten, _ in kept.forget(float(now_s), 10):
            assert ends.pop(forgotten) <= now_s
        assert all(end > now_s for end in ends.values())
        assert len(kept) == len(ends)
