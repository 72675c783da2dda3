"""Which tiers fit what a caller allows."""

from gateway.core.plan_fit import Allowed, misfits, unaffordable
from gateway.core.tier_slo import KNOWN_FROM, TierSlos
from gateway.domain.decision import ReasonCode
from tests.support.tiers import a_request, a_tier

SMALL = a_tier("small", output_usd_pico=1_000_000)
LARGE = a_tier("large", 1, output_usd_pico=100_000_000)
TIERS = (SMALL, LARGE)


def seen(*, ttft_s: float = 0.4, itl_s: float = 0.02) -> TierSlos:
    """Make a record of streams on the small tier."""
    slos = TierSlos()
    for _ in range(KNOWN_FROM):
        slos.first_content(SMALL, 1_000, ttft_s, 0.0)
        slos.finished(SMALL, itl_s, 0.0)
    return slos


def reasons(
    allowed: Allowed, slos: TierSlos | None = None, *, max_output_tokens: int | None = None, choices: int = 1
) -> dict[str, ReasonCode]:
    request = a_request(max_output_tokens=max_output_tokens, choices=choices)
    found = misfits(request, TIERS, allowed, slos or TierSlos(), 0.0)
    return {name: misfit.reason for name, misfit in found.items()}


def test_who_allows_everything_fits_everywhere() -> None:
    assert reasons(Allowed(), seen()) == {}


def test_a_ceiling_is_compared_with_the_longest_answer() -> None:
    assert reasons(Allowed(cost_usd_nano=10_000_000), max_output_tokens=100) == {}
    assert reasons(Allowed(cost_usd_nano=9_999_999), max_output_tokens=100) == {"large": ReasonCode.COST}
    assert reasons(Allowed(cost_usd_nano=10_000_000)) == {"large": ReasonCode.COST}, "4,096 tokens could come"


def test_the_time_is_that_to_the_first_token_and_of_the_expected_tokens() -> None:
    slos = seen(ttft_s=0.4, itl_s=0.02)
    needed_s = (slos.expected_ttft_s(SMALL.name, 1_000, 0.0) or 0.0) + 100 * (slos.expected_itl_s(SMALL.name, 0.0) or 0)
    assert 2.0 < needed_s < 2.8
    assert reasons(Allowed(left_s=needed_s), slos) == {}
    assert reasons(Allowed(left_s=needed_s - 0.01), slos) == {"small": ReasonCode.DEADLINE}
    assert reasons(Allowed(left_s=needed_s - 0.01), slos, max_output_tokens=50) == {}
    assert reasons(Allowed(left_s=needed_s), slos, choices=4) == {}, "choices are written side by side"


def test_a_tier_of_which_nothing_is_known_is_tried_however_short_the_time() -> None:
    assert reasons(Allowed(left_s=0.001)) == {}


def test_without_known_gaps_the_first_token_alone_is_counted() -> None:
    slos = TierSlos()
    for _ in range(KNOWN_FROM):
        slos.first_content(SMALL, 1_000, 0.4, 0.0)
    assert reasons(Allowed(left_s=0.5), slos) == {}
    assert reasons(Allowed(left_s=0.3), slos) == {"small": ReasonCode.DEADLINE}


def test_the_plan_is_told_with_its_figures() -> None:
    found = misfits(a_request(max_output_tokens=50), TIERS, Allowed(1.0, 1_000_000), seen(ttft_s=1.2), 0.0)
    assert found[LARGE.name].told == "may cost 0.005 USD, and 0.001 USD are allowed"
    told = found[SMALL.name].told
    assert told.startswith("would need about 2.")
    assert "to the first token, 50 tokens at 21 ms), and 1.0 s are left" in told


def test_what_a_budget_does_not_cover_is_named() -> None:
    found = unaffordable(a_request(max_output_tokens=100), TIERS, 100_000)
    assert {name: misfit.reason for name, misfit in found.items()} == {"large": ReasonCode.BUDGET}
    assert found[LARGE.name].told == "may cost 0.01 USD, more than the budget has left"
