"""What holds of every dial."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.dial import choose_dial
from gateway.core.routing import decide
from gateway.core.value import strongest
from gateway.domain.ability import Ability, Score, unknown_score
from gateway.domain.calibration import CalibrationRequest, Catalogue
from gateway.domain.dial import Aim, WhenUncertified
from gateway.domain.tier import Tier
from tests.support.tiers import a_dial, a_request, a_tier, an_ability

ROUNDING = 1e-9

abilities = st.builds(
    an_ability, st.floats(-3, 3), prior=st.floats(0.05, 0.95), loading=st.floats(-2, 2), standard_error=st.floats(0, 1)
)
scores = st.builds(Score, st.tuples(st.floats(-3, 3)), st.floats(0, 1), st.just("test"))
calibration_requests = st.builds(CalibrationRequest, scores, st.integers(1, 10_000))
catalogues = st.lists(calibration_requests, min_size=1, max_size=12).map(
    lambda requests: Catalogue({}, {}, {}, tuple(requests), "")
)
qualities = st.floats(0.3, 1.0)
choices = st.sampled_from(WhenUncertified)


@st.composite
def routes(draw: st.DrawFn) -> tuple[Tier, ...]:
    prices = sorted(draw(st.lists(st.integers(0, 10**8), min_size=1, max_size=4)))
    return tuple(
        a_tier(f"t{rank}", rank, ability=draw(abilities), input_usd_pico=price // 4, output_usd_pico=price)
        for rank, price in enumerate(prices)
    )


@given(routes(), qualities, choices, catalogues)
def test_certified_means_that_the_bound_reaches_the_quality(
    tiers: tuple[Tier, ...], quality: float, when_uncertified: WhenUncertified, catalogue: Catalogue
) -> None:
    dial = choose_dial(tiers, Aim(quality=quality, when_uncertified=when_uncertified), catalogue)
    if dial.certified:
        assert dial.quality_low >= quality
    assert 0.0 <= dial.quality_low <= dial.quality
    assert abs(sum(dial.shares) - 1.0) < ROUNDING
    assert dial.value >= 0.0


@given(routes(), qualities, catalogues)
def test_strongest_only_is_never_what_best_effort_comes_to(
    tiers: tuple[Tier, ...], quality: float, catalogue: Catalogue
) -> None:
    effort = choose_dial(tiers, Aim(quality=quality), catalogue)
    strict = choose_dial(tiers, Aim(quality=quality, when_uncertified=WhenUncertified.STRONGEST), catalogue)
    assert not effort.strongest_only
    assert effort.quality >= quality or effort.value == 0.0
    assert strict.certified != strict.strongest_only


@given(routes(), st.integers(0, 100_000), st.integers(0, 100_000), catalogues)
def test_a_bolder_dial_costs_no_more_and_keeps_no_more_quality(
    tiers: tuple[Tier, ...], one: int, other: int, catalogue: Catalogue
) -> None:
    timid = choose_dial(tiers, Aim(dial=float(min(one, other))), catalogue)
    bold = choose_dial(tiers, Aim(dial=float(max(one, other))), catalogue)
    assert bold.cost_share <= timid.cost_share + ROUNDING
    assert bold.quality <= timid.quality + ROUNDING


@given(routes(), catalogues)
def test_a_dial_of_zero_keeps_the_whole_quality(tiers: tuple[Tier, ...], catalogue: Catalogue) -> None:
    assert choose_dial(tiers, Aim(dial=0.0), catalogue).quality >= 1.0


@given(routes(), st.integers(1, 10_000))
def test_a_dial_of_zero_sends_to_the_strongest_whatever_only_the_priors_speak_of(
    tiers: tuple[Tier, ...], input_tokens: int
) -> None:
    """Of equals the cheaper: a tier as good as the strongest is one."""
    decision = decide(a_request(input_tokens=input_tokens), unknown_score("test"), tiers, a_dial(0.0))
    chosen = next(tier for tier in tiers if tier.name == decision.ladder[0])
    assert chosen.ability.prior == tiers[strongest(tiers)].ability.prior


@given(routes(), scores)
def test_the_dial_that_keeps_to_the_strongest_does_so_whatever_the_score(tiers: tuple[Tier, ...], score: Score) -> None:
    """So the whole of the strongest tier's quality can be had, however wrong the difficulty model is."""
    decision = decide(a_request(), score, tiers, a_dial(0.0, strongest_only=True))
    assert decision.ladder[0] == tiers[strongest(tiers)].name


@given(routes(), catalogues, st.floats(0.01, 1.0))
def test_a_budget_is_kept_unless_even_the_boldest_dial_costs_more(
    tiers: tuple[Tier, ...], catalogue: Catalogue, budget: float
) -> None:
    dial = choose_dial(tiers, Aim(budget=budget), catalogue)
    boldest = choose_dial(tiers, Aim(dial=1e15), catalogue)
    assert dial.cost_share <= max(budget, boldest.cost_share) + ROUNDING


@given(abilities, abilities, st.integers(0, 10**7), st.floats(0, 1e6), catalogues)
def test_of_tiers_with_one_price_the_dial_cannot_change_the_choice(
    one: Ability, other: Ability, price: int, dial: float, catalogue: Catalogue
) -> None:
    tiers = tuple(
        a_tier(f"t{rank}", rank, ability=ability, output_usd_pico=price) for rank, ability in enumerate((one, other))
    )
    still = choose_dial(tiers, Aim(dial=0.0), catalogue)
    turned = choose_dial(tiers, Aim(dial=dial), catalogue)
    assert turned.cost_share == 1.0
    assert abs(turned.quality - still.quality) < 1e-6


@settings(max_examples=30)
@given(routes(), qualities, catalogues)
def test_choosing_again_gives_the_same_dial(tiers: tuple[Tier, ...], quality: float, catalogue: Catalogue) -> None:
    again = [choose_dial(tiers, Aim(quality=quality), catalogue) for _ in range(2)]
    assert again[0] == again[1]
