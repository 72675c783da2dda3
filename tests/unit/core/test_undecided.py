"""When a better score is worth asking for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.routing import decide
from gateway.core.undecided import Z_UNDECIDED, undecided
from gateway.domain.ability import Ability, Correction, Score, sigmoid, unknown_score
from gateway.domain.ids import TierName
from tests.support.tiers import a_dial, a_request, a_tier, an_ability

WEAK = a_tier("small", 0, ability=an_ability(0.0))
STRONG = a_tier("large", 1, ability=an_ability(1.0, loading=0.0), output_usd_pico=10_000_000)
REQUEST = a_request()
"""Of 100 output tokens: 100,000 nano-USD on the small tier, 1,000,000 on the large one."""


def a_score(latent: float = 0.0, *, familiarity: float = 1.0, spread: float = 1.0) -> Score:
    return Score((latent,), familiarity, "test", spread=(spread,))


def even_dial() -> float:
    """Return the λ at which the two tiers are worth the same to a request at 0."""
    return (sigmoid(1.0) - sigmoid(0.0)) / 0.0009


def test_a_close_race_is_open_and_a_clear_one_is_not() -> None:
    tiers = (WEAK, STRONG)
    assert undecided(a_score(), tiers, a_dial(even_dial() * 1.05), REQUEST)
    assert not undecided(a_score(), tiers, a_dial(even_dial() * 10.0), REQUEST)
    assert undecided(a_score(spread=40.0), tiers, a_dial(even_dial() * 10.0), REQUEST)


def test_the_edge_lies_where_the_lead_is_so_many_deviations() -> None:
    # The small tier leads by 0.05; its p has the slope 1/4 in the latent number, the large one's has none.
    dial = even_dial() + 0.05 / 0.0009
    edge = 0.05 / (0.25 * Z_UNDECIDED)
    assert not undecided(a_score(spread=edge * 0.999), (WEAK, STRONG), a_dial(dial), REQUEST)
    assert undecided(a_score(spread=edge * 1.001), (WEAK, STRONG), a_dial(dial), REQUEST)


def test_a_step_that_moves_both_tiers_alike_decides_nothing() -> None:
    twin = a_tier("twin", 1, ability=an_ability(0.0), output_usd_pico=1_000_001)
    assert not undecided(a_score(spread=100.0), (WEAK, twin), a_dial(1e-3), REQUEST)


def test_any_of_several_rivals_may_leave_it_open() -> None:
    far = a_tier("far", 2, ability=an_ability(-9.0, loading=0.0), output_usd_pico=90_000_000)
    dial = a_dial(even_dial() * 1.05)
    assert undecided(a_score(), (WEAK, far, STRONG), dial, REQUEST)
    assert not undecided(a_score(), (WEAK, far), dial, REQUEST)


def test_where_no_better_stage_follows_nothing_is_asked() -> None:
    assert not undecided(replace(a_score(), spread=()), (WEAK, STRONG), a_dial(even_dial()), REQUEST)


def test_one_able_tier_or_always_the_strongest_needs_no_score() -> None:
    dial = a_dial(even_dial())
    assert not undecided(a_score(), (WEAK,), dial, REQUEST)
    assert not undecided(a_score(), (), dial, REQUEST)
    assert not undecided(a_score(), (WEAK, STRONG), replace(dial, strongest_only=True), REQUEST)


def test_an_unknown_request_is_open_if_the_next_stage_may_know_it() -> None:
    unknown = unknown_score("test")
    assert not undecided(unknown, (WEAK, STRONG), a_dial(1e9), REQUEST)
    assert undecided(replace(unknown, spread=(1.0,)), (WEAK, STRONG), a_dial(1e9), REQUEST)


def test_a_spread_of_another_shape_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        undecided(replace(a_score(), spread=(1.0, 1.0)), (WEAK, STRONG), a_dial(), REQUEST)


numbers = st.floats(-3.0, 3.0)


@given(
    st.lists(st.tuples(numbers, numbers, st.floats(0.05, 0.95), st.integers(0, 10_000_000)), min_size=2, max_size=4),
    numbers,
    st.floats(0.01, 1.0),
    st.floats(0.0, 1_000.0),
)
def test_a_closed_decision_is_not_turned_by_a_small_step(
    made: list[tuple[float, float, float, int]], latent: float, familiarity: float, value: float
) -> None:
    tiers = tuple(
        a_tier(f"t{rank}", rank, ability=Ability("m", intercept, (loading,), 0.1, prior, ()), output_usd_pico=price)
        for rank, (intercept, loading, prior, price) in enumerate(made)
    )
    spread, dial = 0.5, a_dial(value)
    score = a_score(latent, familiarity=familiarity, spread=spread)
    if undecided(score, tiers, dial, REQUEST):
        return
    chosen = decide(REQUEST, score, tiers, dial).ladder[0]
    step = spread * Z_UNDECIDED * 1e-3
    for moved in (replace(score, latent=(latent + step,)), replace(score, latent=(latent - step,))):
        views = {view.tier: view.value for view in decide(REQUEST, moved, tiers, dial).views}
        top = max(value for value in views.values() if value is not None)
        assert top - (views[chosen] or 0.0) < 1e-6


def test_feedback_can_close_a_race_that_was_open() -> None:
    dial = a_dial(even_dial() * 1.05)
    praised = replace(a_score(), corrections=(Correction(TierName("small"), 2.0, 60.0),))
    assert undecided(a_score(spread=0.5), (WEAK, STRONG), dial, REQUEST)
    assert not undecided(replace(praised, spread=(0.5,)), (WEAK, STRONG), dial, REQUEST)
