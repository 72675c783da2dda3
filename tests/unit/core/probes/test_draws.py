"""Chance that is the same everywhere."""

from collections import Counter

from gateway.core.probes.draws import Draws


def test_the_same_seed_and_key_draw_the_same() -> None:
    assert [Draws(7, "a").below(1_000) for _ in range(3)] == [Draws(7, "a").below(1_000)] * 3
    assert Draws(7, "a").below(10**9) != Draws(7, "b").below(10**9)
    assert Draws(7, "a").below(10**9) != Draws(8, "a").below(10**9)


def test_the_stream_is_that_of_every_version_of_python() -> None:
    draws = Draws(1, "sums 1 0")
    assert [draws.below(1_000) for _ in range(5)] == [182, 468, 482, 187, 809]


def test_numbers_are_spread_evenly_over_their_range() -> None:
    draws = Draws(3)
    counts = Counter(draws.between(-2, 2) for _ in range(5_000))
    assert set(counts) == {-2, -1, 0, 1, 2}
    # Five standard deviations of a binomial count around 1,000.
    assert all(abs(count - 1_000) < 145 for count in counts.values())
    assert all(0.0 <= draws.unit() < 1.0 for _ in range(100))


def test_a_shuffle_keeps_every_item_and_its_source() -> None:
    items = list(range(20))
    shuffled = Draws(1).shuffled(items)
    assert sorted(shuffled) == items == list(range(20))
    assert shuffled != items


def test_a_sample_repeats_nothing_and_ends_with_the_items() -> None:
    sample = Draws(1).sample("abcdef", 4)
    assert len(set(sample)) == 4
    assert sorted(Draws(1).sample("abc", 9)) == ["a", "b", "c"]
    assert Draws(1).pick("x") == "x"
