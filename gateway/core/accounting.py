"""What a request may cost, did cost, and would have cost: integers from the price to the charge."""

from collections.abc import Sequence
from typing import Final

from gateway.domain.cache_terms import PPM
from gateway.domain.ledger import EXACT_MAX, Hold, Settlement
from gateway.domain.money import usd_nano_of
from gateway.domain.request import CanonicalRequest
from gateway.domain.tier import Tier
from gateway.domain.usage import TokenUsage, UsageSource, tokens_in

_PICO_PPM_PER_NANO: Final = 1_000 * PPM
"""Pico-USD, in millionths, to a nano-USD."""


def hold_amount_usd_nano(request: CanonicalRequest, ladder: Sequence[Tier]) -> int:
    """Price the dearest the request can become: its whole allowance of output, on the dearest tier of the ladder.

    Unknown is never free: without `max_tokens` the tier's own cap counts. What no ledger can count is cut to what it
    can, which no budget grants.
    """
    dearest = max((usd_nano_of(_ceiling_usd_pico(request, tier)) for tier in ladder), default=0)
    return min(dearest, EXACT_MAX)


def hold_tokens(request: CanonicalRequest, ladder: Sequence[Tier]) -> int:
    """Count the most tokens the request can use on any tier of the ladder, for limits of tokens a minute."""
    most = request.input_tokens + max((_output_ceiling_tokens(request, tier) for tier in ladder), default=0)
    return min(most, EXACT_MAX)


def baseline_usd_nano(strongest: Tier, usage: TokenUsage) -> int:
    """Estimate what the same tokens would have cost on the strongest able tier."""
    return strongest.price.charge_usd_nano(usage)


def hit_hold_usd_nano(request: CanonicalRequest, tier: Tier, hit_price_ppm: int) -> int:
    """Say what to hold for an answer that is shared while it is written: that share of the dearest it can become."""
    return -(-hold_amount_usd_nano(request, (tier,)) * hit_price_ppm // PPM)


def hit_charge_usd_nano(tier: Tier, usage: TokenUsage, hit_price_ppm: int) -> int:
    """Price a kept answer: a share, in parts per million, of what it cost at its tier; rounded half up once."""
    return (tier.price.cost_usd_pico(usage) * hit_price_ppm + _PICO_PPM_PER_NANO // 2) // _PICO_PPM_PER_NANO


def best_usage(
    reported: TokenUsage | None, *, input_tokens: int, content_chunks: int, content_bytes: int
) -> TokenUsage:
    """Take the most trustworthy usage there is: reported, else counted from a stream, else estimated from its size.

    `input_tokens` is the request's estimate, used where the server said nothing.
    """
    if reported is not None:
        return reported
    if content_chunks > 0:
        return TokenUsage(input_tokens, content_chunks, source=UsageSource.COUNTED)
    return TokenUsage(input_tokens, tokens_in(content_bytes), source=UsageSource.ESTIMATED)


def together(usages: Sequence[TokenUsage]) -> TokenUsage:
    """Add usages up. The sum is no surer than the least sure of them."""
    return TokenUsage(
        sum(usage.input_tokens for usage in usages),
        sum(usage.output_tokens for usage in usages),
        sum(usage.cached_input_tokens for usage in usages),
        sum(usage.reasoning_tokens for usage in usages),
        max((usage.source for usage in usages), key=list(UsageSource).index),
        sum(usage.cache_write_tokens for usage in usages),
    )


def settlement_of(hold: Hold, usage: TokenUsage, charge_usd_nano: int) -> Settlement:
    """End the hold with what was used. Numbers no ledger can count (a server's nonsense) are cut to what it can."""
    return Settlement(hold, min(charge_usd_nano, EXACT_MAX), min(usage.total_tokens, EXACT_MAX))


def _ceiling_usd_pico(request: CanonicalRequest, tier: Tier) -> int:
    output_tokens = _output_ceiling_tokens(request, tier)
    return request.input_tokens * tier.price.dearest_input_usd_pico + output_tokens * tier.price.output_usd_pico


def _output_ceiling_tokens(request: CanonicalRequest, tier: Tier) -> int:
    if not request.operation.is_written:
        return 0
    asked = request.max_output_tokens
    # What the client asks for is forwarded as it is, so only the window stops a server short of it.
    each = tier.max_output_tokens if asked is None else min(asked, tier.context_tokens)
    return each * request.choices
