"""Whether a better score could change a decision: the gate between the stages of the difficulty model.

The next stage would move the latent position by a step whose coordinates have the standard deviations of
`Score.spread`. To first order that moves the lead of the chosen tier c over a rival r by Σ g_k·step_k, with

    g_k = familiarity · (p_c·(1 − p_c)·a_ck − p_r·(1 − p_r)·a_rk)

(p the logistic part of the acceptance, a the loadings), so the lead has the standard deviation sqrt(Σ (g_k·spread_k)²).
The decision is open while some rival is less than `Z_UNDECIDED` of those behind.
"""

from collections.abc import Sequence
from typing import Final

from gateway.core.value import best, expected_cost_usd_nano, expected_output_tokens, value_of
from gateway.domain.ability import Ability, Score, acceptance, logit_of, sigmoid
from gateway.domain.dial import Dial
from gateway.domain.request import CanonicalRequest
from gateway.domain.tier import Tier

Z_UNDECIDED: Final = 1.0
"""Standard deviations of lead from which a decision is closed. At 1 the next stage would change one just closed in six,
and those that lie further off more rarely; what is lost by that is little, since the two tiers are nearly as good."""


def undecided(score: Score, tiers: Sequence[Tier], dial: Dial, request: CanonicalRequest) -> bool:
    """Tell whether the next stage could change which of the tiers is chosen. `tiers` are those that could answer.

    A score that knows nothing but has a spread says that the next stage may know more: that leaves all open.
    """
    if not score.spread or len(tiers) < 2 or dial.strongest_only:
        return False
    if not score.is_known:
        return True
    p, slopes, costs_usd_nano = [], [], []
    known, input_tokens = score.familiarity, request.input_tokens
    for tier in tiers:
        ability = tier.ability
        shift = score.shift_of(tier.name)
        modelled = sigmoid(logit_of(ability, score) + shift)
        p.append(acceptance(ability, score, shift=shift))
        slopes.append(known * modelled * (1.0 - modelled))
        costs_usd_nano.append(expected_cost_usd_nano(tier, input_tokens, expected_output_tokens(request, tier)))
    chosen = best(p, costs_usd_nano, dial.value)
    top = value_of(p[chosen], costs_usd_nano[chosen], dial.value)
    for rival, tier in enumerate(tiers):
        if rival == chosen:
            continue
        lead = top - value_of(p[rival], costs_usd_nano[rival], dial.value)
        variance = _lead_variance(tiers[chosen].ability, slopes[chosen], tier.ability, slopes[rival], score)
        if lead * lead < Z_UNDECIDED * Z_UNDECIDED * variance:
            return True
    return False


def _lead_variance(chosen: Ability, slope: float, rival: Ability, rival_slope: float, score: Score) -> float:
    variance = 0.0
    for loading, rival_loading, spread in zip(chosen.loadings, rival.loadings, score.spread, strict=True):
        step = (slope * loading - rival_slope * rival_loading) * spread
        variance += step * step
    return variance
