"""What holds of every decision."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.routing import decide, flips
from gateway.core.value import best
from gateway.domain.ability import Score
from gateway.domain.decision import Decision
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.request import CanonicalRequest, Need
from gateway.domain.tier import Tier
from tests.support.tiers import a_dial, a_request, a_tier, an_ability

REFUSALS = {ErrorCode.NO_ABLE_TIER, ErrorCode.CONTEXT_LENGTH_EXCEEDED, ErrorCode.TIER_UNAVAILABLE}

needs = st.integers(0, 7).map(Need)
dials = st.one_of(st.just(0.0), st.floats(1e-3, 1e6))
scores = st.builds(Score, st.tuples(st.floats(-5, 5)), st.floats(0, 1), st.just("test"))
requests = st.builds(
    a_request,
    needs=needs,
    input_tokens=st.integers(0, 50_000),
    max_output_tokens=st.none() | st.integers(1, 10_000),
    choices=st.integers(1, 16),
)
abilities = st.builds(
    an_ability, st.floats(-5, 5), prior=st.floats(0.01, 0.99), loading=st.floats(-2, 2), standard_error=st.floats(0, 2)
)


@st.composite
def routes(draw: st.DrawFn) -> tuple[Tier, ...]:
    prices = sorted(draw(st.lists(st.integers(0, 10**8), min_size=1, max_size=4)))
    return tuple(
        a_tier(
            f"t{rank}",
            rank,
            ability=draw(abilities),
            input_usd_pico=price // 4,
            output_usd_pico=price,
            context_tokens=draw(st.sampled_from([4_096, 32_768, 131_072])),
            supports=draw(needs),
        )
        for rank, price in enumerate(prices)
    )


def _decide(request: CanonicalRequest, score: Score, tiers: tuple[Tier, ...], dial: float) -> Decision | None:
    try:
        return decide(request, score, tiers, a_dial(dial))
    except GatewayError as error:
        refusal = error
    assert refusal.code in REFUSALS
    assert all(tier.name in refusal.message for tier in tiers)
    return None


@given(requests, scores, routes(), dials)
def test_the_ladder_holds_able_tiers_only_each_once_and_climbs_at_most_once(
    request: CanonicalRequest, score: Score, tiers: tuple[Tier, ...], dial: float
) -> None:
    decision = _decide(request, score, tiers, dial)
    if decision is None:
        return
    able = [view.tier for view in decision.views if view.removed_by is None]
    ranks = [next(tier.rank for tier in tiers if tier.name == name) for name in decision.ladder]
    assert set(decision.ladder) <= set(able)
    assert len(set(ranks)) == len(ranks)
    assert sum(rank > ranks[0] for rank in ranks) <= 1


@given(requests, scores, routes(), dials)
def test_nothing_able_is_worth_more_than_the_choice(
    request: CanonicalRequest, score: Score, tiers: tuple[Tier, ...], dial: float
) -> None:
    decision = _decide(request, score, tiers, dial)
    if decision is None:
        return
    values = {view.tier: view.value for view in decision.views if view.value is not None}
    assert values[decision.ladder[0]] == max(values.values())


@given(requests, scores, routes(), dials)
def test_the_same_request_is_decided_the_same_way(
    request: CanonicalRequest, score: Score, tiers: tuple[Tier, ...], dial: float
) -> None:
    assert _decide(request, score, tiers, dial) == _decide(request, score, tiers, dial)


@given(requests, scores, routes(), dials)
def test_the_dial_that_a_flip_names_makes_that_tier_as_good_as_any(
    request: CanonicalRequest, score: Score, tiers: tuple[Tier, ...], dial: float
) -> None:
    decision = _decide(request, score, tiers, dial)
    if decision is None:
        return
    for flip in flips(decision):
        if flip.dial_needed is None:
            continue
        at_flip = decide(request, score, tiers, a_dial(flip.dial_needed))
        values = {view.tier: view.value for view in at_flip.views if view.value is not None}
        assert max(values.values()) - values[flip.tier] <= 1e-9 * max(1.0, abs(values[flip.tier]))


# Probabilities and dials on a grid: nearer to each other than a rounding error, two tiers would be equals.
@given(
    st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 10**9)), min_size=1, max_size=6),
    st.integers(0, 100_000),
    st.integers(0, 100_000),
)
def test_a_bolder_dial_never_chooses_a_dearer_or_likelier_tier(
    tiers: list[tuple[int, int]], one: int, other: int
) -> None:
    p, costs = [p / 1_000 for p, _ in tiers], [cost for _, cost in tiers]
    timid, bold = best(p, costs, float(min(one, other))), best(p, costs, float(max(one, other)))
    assert costs[bold] <= costs[timid]
    assert p[bold] <= p[timid]
