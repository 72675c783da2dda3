"""The one rule by which tiers are compared, shared by live requests and by the calibration of a dial.

value = p − λ·cost, with p the probability of an acceptable answer, cost the expected cost in USD, and λ, the dial, in
probability per USD. Taking the largest value is the optimal routing rule for a given budget (Dekoninck et al. 2025,
"A Unified Approach to Routing and Cascading for LLMs", theorem 1).
"""

from collections.abc import Sequence

from gateway.domain.money import USD_NANO_PER_USD, usd_nano_of
from gateway.domain.request import CanonicalRequest
from gateway.domain.tier import Tier


def expected_output_tokens(request: CanonicalRequest, tier: Tier) -> int:
    """Expect as many tokens as the tier's model writes on average, no more than the caller asked for, per choice."""
    if not request.operation.is_written:
        return 0
    expected, asked = tier.expected_output_tokens, request.max_output_tokens
    return (expected if asked is None or expected < asked else asked) * request.choices


def expected_cost_usd_nano(tier: Tier, input_tokens: int, output_tokens: int) -> int:
    """Price so many tokens on the tier, nothing of the input cached."""
    price = tier.price
    return usd_nano_of(input_tokens * price.input_usd_pico + output_tokens * price.output_usd_pico)


def value_of(p: float, cost_usd_nano: int, dial: float) -> float:
    """Return p − λ·cost."""
    return p - dial * (cost_usd_nano / USD_NANO_PER_USD)


def best(p: Sequence[float], costs_usd_nano: Sequence[int], dial: float) -> int:
    """Return the position of the largest value; of equal values the cheaper, of equally cheap ones the first.

    A dial of 0 makes cost a tie-break only: everything goes to whoever is most likely to answer well.
    """
    chosen, top = 0, value_of(p[0], costs_usd_nano[0], dial)
    for position in range(1, len(p)):
        value = value_of(p[position], costs_usd_nano[position], dial)
        if value > top or (value == top and costs_usd_nano[position] < costs_usd_nano[chosen]):
            chosen, top = position, value
    return chosen


def strongest(tiers: Sequence[Tier]) -> int:
    """Return the position of the strongest tier: the highest mean acceptance, not the highest price.

    A dear tier need not be a good one. Of equals the first, so the cheaper.
    """
    priors = [tier.ability.prior for tier in tiers]
    return priors.index(max(priors))
