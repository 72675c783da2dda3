"""Which tiers fit what a caller allows: time and money, compared with what each would need before any is tried.

Cost is the dearest that the answer can become there, so that the ceiling is one. Time is what the tier needs at the
median, by what was seen of it lately: less would keep requests from tiers that mostly answer in time.
"""

from collections.abc import Iterable, Iterator

from gateway.core.accounting import hold_amount_usd_nano
from gateway.core.constraints import Misfit
from gateway.core.tier_slo import TierSlos
from gateway.core.value import expected_output_tokens
from gateway.domain.decision import ReasonCode
from gateway.domain.ids import TierName
from gateway.domain.money import format_usd
from gateway.domain.noun import noun
from gateway.domain.request import CanonicalRequest
from gateway.domain.tier import Tier


@noun
class Allowed:
    """What a caller allows: seconds from now, and nano-USD; None where it does not say."""

    left_s: float | None = None
    cost_usd_nano: int | None = None


def misfits(
    request: CanonicalRequest, tiers: Iterable[Tier], allowed: Allowed, slos: TierSlos, now_s: float
) -> dict[TierName, Misfit]:
    """Return the tiers that do not fit, each with what it would need."""
    return {
        tier.name: misfit
        for tier in tiers
        for misfit in _first(_too_dear(request, tier, allowed), _too_slow(request, tier, allowed, slos, now_s))
    }


def unaffordable(request: CanonicalRequest, tiers: Iterable[Tier], left_usd_nano: int) -> dict[TierName, Misfit]:
    """Return the tiers where the dearest that the request can become is more than a budget has left."""
    return {
        tier.name: Misfit(ReasonCode.BUDGET, f"may cost {format_usd(cost_usd_nano)} USD, more than the budget has left")
        for tier in tiers
        if (cost_usd_nano := hold_amount_usd_nano(request, (tier,))) > left_usd_nano
    }


def _first(*found: Misfit | None) -> Iterator[Misfit]:
    for misfit in found:
        if misfit is not None:
            yield misfit
            return


def _too_dear(request: CanonicalRequest, tier: Tier, allowed: Allowed) -> Misfit | None:
    most_usd_nano = allowed.cost_usd_nano
    if most_usd_nano is None:
        return None
    cost_usd_nano = hold_amount_usd_nano(request, (tier,))
    if cost_usd_nano <= most_usd_nano:
        return None
    told = f"may cost {format_usd(cost_usd_nano)} USD, and {format_usd(most_usd_nano)} USD are allowed"
    return Misfit(ReasonCode.COST, told)


def _too_slow(request: CanonicalRequest, tier: Tier, allowed: Allowed, slos: TierSlos, now_s: float) -> Misfit | None:
    left_s = allowed.left_s
    if left_s is None:
        return None
    ttft_s = slos.expected_ttft_s(tier.name, request.input_tokens, now_s)
    if ttft_s is None:
        # The tier's limits say how long it may take, and nothing of how long it does.
        return None
    itl_s = slos.expected_itl_s(tier.name, now_s) or 0.0
    tokens = expected_output_tokens(request, tier) // request.choices
    needed_s = ttft_s + tokens * itl_s
    if needed_s <= left_s:
        return None
    told = (
        f"would need about {_seconds(needed_s)} ({_seconds(ttft_s)} to the first token, {tokens} tokens at "
        f"{_seconds(itl_s)}), and {_seconds(left_s)} are left"
    )
    return Misfit(ReasonCode.DEADLINE, told)


def _seconds(duration_s: float) -> str:
    return f"{duration_s * 1e3:.0f} ms" if duration_s < 1.0 else f"{duration_s:.1f} s"
