"""λ, set on calibration requests."""

import math

import pytest

from gateway.core.dial import choose_dial, curve
from gateway.core.routing import decide
from gateway.domain.ability import Z_95, Score
from gateway.domain.calibration import CalibrationRequest, Catalogue
from gateway.domain.dial import Aim, Certificate, Dial, SetBy, WhenUncertified
from gateway.domain.tier import Tier
from tests.support.tiers import a_request, a_tier, an_ability

STRONGEST, NO = WhenUncertified.STRONGEST, Certificate.NONE
NOTHING_KNOWN = Catalogue({}, {}, {}, (), "")


def _catalogue(latents: list[float], input_tokens: int = 1_000) -> Catalogue:
    requests = tuple(CalibrationRequest(Score((latent,), 1.0, "test"), input_tokens) for latent in latents)
    return Catalogue({}, {}, {}, requests, "")


def _logit(p: float) -> float:
    return math.log(p / (1.0 - p))


def _flat(name: str, rank: int, p: float, usd_pico: int, standard_error: float = 0.0) -> Tier:
    """Build a tier that is equally good at every request."""
    ability = an_ability(_logit(p), prior=p, loading=0.0, standard_error=standard_error)
    return a_tier(name, rank, ability=ability, output_usd_pico=usd_pico)


def _pair(standard_error: float = 0.0) -> tuple[Tier, Tier]:
    """Build a cheap tier that fails at hard requests (latent −4 and below), and a dear one that does not."""
    cheap = an_ability(2.0, prior=0.6, loading=1.0, standard_error=standard_error)
    dear = an_ability(3.0, prior=0.9, loading=0.1, standard_error=standard_error)
    return a_tier("cheap", 0, ability=cheap), a_tier("dear", 1, ability=dear, output_usd_pico=10_000_000)


MIXED = _catalogue([-4.0 + 8.0 * step / 399 for step in range(400)])


def test_easy_requests_go_down_and_hard_ones_stay_up() -> None:
    tiers = _pair()
    dial = choose_dial(tiers, Aim(quality=0.95), MIXED)
    assert dial.certified
    assert not dial.strongest_only
    assert 0.95 <= dial.quality_low <= 0.955
    assert dial.quality_low <= dial.quality
    assert 0.3 < dial.shares[0] < 0.9
    assert sum(dial.shares) == pytest.approx(1.0)
    assert dial.cost_share == pytest.approx(dial.shares[1] + 0.1 * dial.shares[0])
    easy, hard = Score((4.0,), 1.0, "test"), Score((-4.0,), 1.0, "test")
    assert decide(a_request(), easy, tiers, dial).ladder[0] == "cheap"
    assert decide(a_request(), hard, tiers, dial).ladder[0] == "dear"


def test_a_lower_quality_buys_a_bolder_dial() -> None:
    high = choose_dial(_pair(), Aim(quality=0.98), MIXED)
    low = choose_dial(_pair(), Aim(quality=0.9), MIXED)
    assert low.value > high.value
    assert low.cost_share < high.cost_share


def test_an_uncertain_ability_asks_for_more_caution() -> None:
    sure = choose_dial(_pair(0.0), Aim(quality=0.95), MIXED)
    unsure = choose_dial(_pair(0.2), Aim(quality=0.95), MIXED)
    assert unsure.certified
    assert unsure.value < sure.value


def test_when_nothing_can_be_certified_best_effort_goes_by_the_expectation() -> None:
    tiers = _pair(3.0)
    dial = choose_dial(tiers, Aim(quality=0.95), MIXED)
    assert not dial.certified
    assert not dial.strongest_only
    assert dial.quality >= 0.95 > dial.quality_low
    assert dial.shares[0] > 0.3


def test_when_nothing_can_be_certified_strongest_keeps_to_the_strongest() -> None:
    dial = choose_dial(_pair(3.0), Aim(quality=0.95, when_uncertified=STRONGEST), MIXED)
    assert dial == Dial(0.0, NO, (0.0, 1.0), 1.0, 1.0, 1.0, strongest_only=True, set_by=SetBy.NOTHING)


def test_an_explicit_dial_is_taken_and_judged() -> None:
    dial = choose_dial(_pair(), Aim(quality=0.5, dial=100.0, when_uncertified=STRONGEST), MIXED)
    assert dial.value == 100.0
    assert dial.certified
    assert not choose_dial(_pair(), Aim(quality=0.999, dial=1e6, when_uncertified=STRONGEST), MIXED).certified
    assert not choose_dial(_pair(), Aim(dial=100.0, when_uncertified=STRONGEST), MIXED).certified


def test_a_dial_of_zero_sends_everything_to_the_likeliest() -> None:
    dial = choose_dial(_pair(), Aim(dial=0.0), _catalogue([-1.0, 0.0, 0.5]))
    assert dial.shares == (0.0, 1.0)
    assert (dial.quality, dial.cost_share) == (1.0, 1.0)


def test_a_huge_dial_sends_everything_to_the_cheapest() -> None:
    dial = choose_dial(_pair(), Aim(dial=1e9), MIXED)
    assert dial.shares == (1.0, 0.0)
    assert dial.cost_share == pytest.approx(0.1)


def test_a_route_that_states_nothing_keeps_to_the_strongest() -> None:
    assert choose_dial(_pair(), Aim(), MIXED).strongest_only


@pytest.mark.parametrize("explicit", [None, 50.0])
def test_without_calibration_requests_nothing_is_certified(explicit: float | None) -> None:
    dial = choose_dial(_pair(), Aim(quality=0.5, dial=explicit), NOTHING_KNOWN)
    set_by = SetBy.QUALITY if explicit is None else SetBy.DIAL
    assert dial == Dial(explicit or 0.0, NO, (0.0, 1.0), 1.0, 0.0, 1.0, set_by=set_by)


def test_a_single_tier_is_certified_as_there_is_nothing_to_lose() -> None:
    dial = choose_dial((_flat("only", 0, 0.7, 10**6),), Aim(quality=0.99, when_uncertified=STRONGEST), MIXED)
    assert (dial.certified, dial.shares, dial.quality_low) == (True, (1.0,), 1.0)


def test_sending_everything_up_is_not_a_certificate_while_a_cheaper_tier_stands_idle() -> None:
    tiers = (_flat("cheap", 0, 0.5, 10**5), _flat("dear", 1, 0.9, 10**6))
    dial = choose_dial(tiers, Aim(quality=0.95, when_uncertified=STRONGEST), MIXED)
    assert (dial.certified, dial.strongest_only) == (False, True)
    dial = choose_dial(tiers, Aim(quality=0.95), MIXED)
    assert (dial.certified, dial.strongest_only, dial.shares) == (False, False, (0.0, 1.0))


def test_free_tiers_have_no_cost_share() -> None:
    tiers = (_flat("a", 0, 0.5, 0), _flat("b", 1, 0.9, 0))
    dial = choose_dial(tiers, Aim(quality=0.9), MIXED)
    assert (dial.shares, dial.cost_share, dial.certified) == ((0.0, 1.0), 1.0, True)


def test_one_calibration_request_certifies_nothing_below_the_strongest() -> None:
    tiers = (_flat("cheap", 0, 0.89, 10**5), _flat("dear", 1, 0.9, 10**6))
    dial = choose_dial(tiers, Aim(quality=0.95, dial=1e9), _catalogue([0.0]))
    assert (dial.certified, dial.quality_low) == (False, 0.0)


def test_a_strongest_tier_that_never_answers_well_certifies_nothing() -> None:
    hopeless = a_tier("dear", 1, ability=an_ability(-800.0, prior=0.9, loading=0.0), output_usd_pico=10**7)
    dial = choose_dial((_flat("cheap", 0, 0.5, 10**5), hopeless), Aim(quality=0.5), MIXED)
    assert (dial.quality, dial.quality_low, dial.certified) == (1.0, 0.0, False)


def test_the_bound_is_the_delta_methods() -> None:
    """Two flat tiers, everything sent to the cheap one: no sampling error, so the formula can be done by hand."""
    cheap_error, dear_error = 0.1, 0.2
    tiers = (_flat("cheap", 0, 0.7, 10**5, cheap_error), _flat("dear", 1, 0.8, 10**6, dear_error))
    dial = choose_dial(tiers, Aim(dial=1e9), MIXED)
    down = 0.7 - 1.0 / (1.0 + math.exp(-_logit(0.7) + Z_95 * cheap_error))
    up = 1.0 / (1.0 + math.exp(-_logit(0.8) - Z_95 * dear_error)) - 0.8
    share = 0.7 / 0.8
    assert dial.quality == pytest.approx(share)
    assert dial.quality_low == pytest.approx(share - math.hypot(down, share * up) / 0.8)


def test_fewer_calibration_requests_widen_the_bound() -> None:
    few, many = _catalogue([-2.0, 2.0] * 5), _catalogue([-2.0, 2.0] * 500)
    low_few = choose_dial(_pair(), Aim(dial=1e9), few)
    low_many = choose_dial(_pair(), Aim(dial=1e9), many)
    assert low_few.quality == pytest.approx(low_many.quality)
    assert low_few.quality_low < low_many.quality_low


def test_a_curve_goes_from_the_likeliest_to_the_cheapest() -> None:
    points = curve(_pair(), Aim(), MIXED, 7)
    assert len(points) == 7
    assert [point.value for point in points] == sorted(point.value for point in points)
    costs = [point.cost_share for point in points]
    assert costs == sorted(costs, reverse=True)
    assert (points[0].value, points[-1].shares) == (0.0, (1.0, 0.0))


@pytest.mark.parametrize(("points", "catalogue"), [(1, MIXED), (40, NOTHING_KNOWN)])
def test_a_curve_of_one_point_stands_where_cost_does_not_count(points: int, catalogue: Catalogue) -> None:
    (only,) = curve(_pair(), Aim(), catalogue, points)
    assert only.value == 0.0
