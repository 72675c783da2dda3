"""From which probability on hits are served, held against its own promise."""

import random

import pytest

from gateway.core.hit_bound import bin_of, least_hits, sum_of, threshold, wrong_share_high
from gateway.domain.question import ScoreCounts

EDGES = tuple(index / 20 for index in range(20))


def counts_of(wrong_shares: dict[float, float], hits: int) -> ScoreCounts:
    """Return `hits` in each bin, of which the share named for the bin's edge is wrong (nothing elsewhere)."""
    wrong = tuple(round(wrong_shares.get(edge, 0.0) * hits) for edge in EDGES)
    return ScoreCounts(EDGES, tuple(hits - each for each in wrong), wrong)


@pytest.mark.parametrize(
    ("probability", "wanted"), [(0.0, 0), (0.049, 0), (0.05, 1), (0.999, 19), (1.0, 19), (-0.1, 0)]
)
def test_a_probability_is_in_the_bin_that_begins_at_it_or_below(probability: float, wanted: int) -> None:
    assert bin_of(counts_of({}, 0), probability) == wanted


def test_counts_are_added_bin_by_bin_and_only_of_the_same_bins() -> None:
    one = ScoreCounts((0.0, 0.5), (1, 2), (3, 4))
    assert sum_of(one, ScoreCounts((0.0, 0.5), (10, 20), (30, 40))) == ScoreCounts((0.0, 0.5), (11, 22), (33, 44))
    with pytest.raises(ValueError, match="different bins"):
        sum_of(one, ScoreCounts((0.0, 0.6), (1, 2), (3, 4)))


def test_the_threshold_is_the_laxest_that_keeps_the_bound() -> None:
    counts = counts_of(dict.fromkeys(EDGES[:10], 0.4), 200)
    found = threshold(counts, 0.05)
    assert found == EDGES[9], "200 of 2,200 hits are wrong by half"
    wrong, hits = counts.wrong[9], 200 * 11
    assert wrong_share_high(wrong, hits) <= 0.05 < wrong_share_high(2 * wrong, hits + 200)


def test_nothing_is_served_when_not_even_the_surest_hits_are_sure_enough() -> None:
    assert threshold(counts_of(dict.fromkeys(EDGES, 0.2), 200), 0.05) is None


def test_nothing_is_served_on_too_few_counts() -> None:
    assert threshold(counts_of({}, 1), 0.05) is None
    assert threshold(counts_of({}, 0), 0.05) is None


def test_the_search_stops_at_the_first_that_fails_whatever_comes_behind_it() -> None:
    found = threshold(counts_of({0.7: 0.9}, 200), 0.1)
    assert found == 0.75
    assert wrong_share_high(180, 200 * 20) <= 0.1, "over all of them the bound would be kept again"


def test_the_search_begins_where_half_the_share_would_pass() -> None:
    begins = least_hits(0.05)
    assert wrong_share_high(int(0.025 * begins), begins) <= 0.05
    assert 59 <= begins <= 400, "59 without a failure are the least that show 5 %"
    assert least_hits(0.1) < begins < least_hits(0.02)
    assert least_hits(0.05, 0.99) > begins
    assert least_hits(1.0) == 1
    assert least_hits(0.0) == 1 << 20


def test_no_hit_at_all_bounds_nothing() -> None:
    assert wrong_share_high(0, 0) == 1.0
    assert wrong_share_high(0, 59) <= 0.05 < wrong_share_high(0, 58)
    assert wrong_share_high(0, 59, 0.99) > 0.05


@pytest.mark.parametrize("max_wrong", [0.05, 0.1])
def test_the_bound_is_broken_no_more_often_than_its_confidence_allows(max_wrong: float) -> None:
    # A verifier whose wrong share rises steadily: the true share above each edge is known.
    chance = random.Random(5)
    share = {edge: 0.4 * (1.0 - edge) ** 1.5 for edge in EDGES}
    true_share = {edge: sum(share[other] for other in EDGES[at:]) / len(EDGES[at:]) for at, edge in enumerate(EDGES)}
    broken = served = 0
    for _ in range(300):
        wrong = tuple(sum(chance.random() < share[edge] for _ in range(60)) for edge in EDGES)
        found = threshold(ScoreCounts(EDGES, tuple(60 - each for each in wrong), wrong), max_wrong)
        served += found is not None
        broken += found is not None and true_share[found] > max_wrong
    assert served > 200
    assert broken <= 300 * 0.05 + 8, "two standard deviations above the five in a hundred that are allowed"
