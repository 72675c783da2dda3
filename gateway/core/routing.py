"""Where a request goes: constraints first, then one rule, then the order in which others are tried when it fails.

    request, score, tiers, dial ─▶ removed by constraints ─▶ largest p − λ·cost ─▶ ladder, reason, views

Pure, and on the path of every request.
"""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import field, replace
from typing import Final

from gateway.core.constraints import NO_SHORTAGE, Misfit, refuse, removal
from gateway.core.conversation import Choice, Turn, held, weigh
from gateway.core.value import best, expected_cost_usd_nano, expected_output_tokens, strongest, value_of
from gateway.domain.ability import Score, acceptance
from gateway.domain.conversation import ConversationNote
from gateway.domain.decision import Decision, ReasonCode, Shortage, TierView
from gateway.domain.dial import Dial
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import RouteName, TierName
from gateway.domain.money import USD_NANO_PER_USD
from gateway.domain.noun import noun
from gateway.domain.request import CanonicalRequest
from gateway.domain.tier import Tier


@noun
class Pin:
    """The one tier a caller insists on, and what made it so: `pinned_by_alias` or `pinned_by_header`."""

    tier: TierName
    reason: ReasonCode


@noun
class Bars:
    """What keeps requests from tiers at this moment, for this caller.

    `misfits` remove a tier as any constraint does. `passed_over` removes it only while another is able: by `slo`, which
    leaves it the last rung of the ladder (better a slow answer than none), or by `strongest_share`.
    """

    misfits: Mapping[TierName, Misfit] = field(default_factory=dict)
    passed_over: Mapping[TierName, ReasonCode] = field(default_factory=dict)


NO_BARS: Final = Bars()


def decide(
    request: CanonicalRequest,
    score: Score,
    tiers: Sequence[Tier],
    dial: Dial,
    *,
    route: RouteName | None = None,
    allowed: Container[TierName] | None = None,
    pin: Pin | None = None,
    unavailable: Mapping[TierName, Shortage] = NO_SHORTAGE,
    bars: Bars = NO_BARS,
    turn: Turn | None = None,
    degrade: bool = True,
) -> Decision:
    """Choose among `tiers` (in rank order) and lay out the ladder.

    `allowed` None allows all; `unavailable` are tiers without an endpoint that may be given this request now; `turn`
    None goes on with no conversation; `degrade` lets tiers cheaper than the chosen one stand on the ladder. A pinned
    tier must pass the same constraints and has no fallback to another tier: an answer from elsewhere is not what the
    caller asked for.

    Raises GatewayError `no_able_tier`, `context_length_exceeded`, `cost_ceiling_exceeded`, `deadline_exceeded` or
    `tier_unavailable`, telling what removed each tier, and `invalid_value` when the pinned tier is not among `tiers`.
    """
    misfits = bars.misfits
    views: list[TierView] = []
    values: list[float] = []
    able: list[int] = []
    note: ConversationNote | None = None
    for position, tier in enumerate(tiers):
        removed_by = removal(tier, request, allowed, unavailable, misfits)
        shift = score.shift_of(tier.name) if score.corrections else 0.0
        p = acceptance(tier.ability, score, shift=shift)
        cost = expected_cost_usd_nano(tier, request.input_tokens, expected_output_tokens(request, tier))
        value = value_of(p, cost, dial.value)
        values.append(value)
        if removed_by is None:
            able.append(position)
        views.append(TierView(tier.name, p, cost, None if removed_by else value, removed_by, tier.ability, score))
    if pin is not None:
        ladder, reason = _pinned(request, tiers, views, pin, misfits, unavailable), pin.reason
    else:
        if not able:
            removed = [(tier, view.removed_by) for tier, view in zip(tiers, views, strict=True) if view.removed_by]
            refuse(request, removed, misfits, unavailable)
        aside = _set_aside(views, able, bars.passed_over, held(turn)) if bars.passed_over else []
        chosen, reason = _choice(tiers, views, able, dial, score)
        if turn is not None:
            chosen, reason, note = weigh(turn, tiers, Choice(able, values, chosen, reason, dial.value))
        ladder = tuple(views[position].tier for position in _rungs(values, able, aside, chosen, degrade=degrade))
    return Decision(ladder, reason, route, dial.value, dial.certified, score, tuple(views), dial.certificate, note)


def _set_aside(
    views: list[TierView], able: list[int], passed_over: Mapping[TierName, ReasonCode], held: TierName | None
) -> list[int]:
    """Take the tiers to be passed over from the able ones, unless none would be left; return those still to be tried.

    A tier that a tool loop holds is not passed over: the loop began there. A cap comes before an objective: a slow tier
    is better than one that its caller has had its share of.
    """
    aside: list[int] = []
    for reason in (ReasonCode.STRONGEST_SHARE, ReasonCode.SLO):
        found = [position for position in able if passed_over.get(views[position].tier) is reason]
        aside = [position for position in found if views[position].tier != held]
        if len(aside) == len(able):
            aside = []
        for position in aside:
            views[position] = replace(views[position], value=None, removed_by=reason)
            able.remove(position)
    return aside


def _pinned(
    request: CanonicalRequest,
    tiers: Sequence[Tier],
    views: Sequence[TierView],
    pin: Pin,
    misfits: Mapping[TierName, Misfit],
    unavailable: Mapping[TierName, Shortage],
) -> tuple[TierName, ...]:
    for tier, view in zip(tiers, views, strict=True):
        if tier.name == pin.tier:
            if view.removed_by is not None:
                refuse(request, [(tier, view.removed_by)], misfits, unavailable)
            return (pin.tier,)
    named = ", ".join(tier.name for tier in tiers)
    raise GatewayError(ErrorCode.INVALID_VALUE, f"There is no tier {pin.tier!r} here. Name one of: {named}.")


def _choice(
    tiers: Sequence[Tier], views: Sequence[TierView], able: Sequence[int], dial: Dial, score: Score
) -> tuple[int, ReasonCode]:
    if len(able) == 1:
        return able[0], ReasonCode.ONLY_ABLE
    if dial.strongest_only:
        return able[strongest([tiers[position] for position in able])], ReasonCode.STRONGEST_UNCERTIFIED
    if dial.strongest_when_unknown and not score.is_known and not score.corrections:
        return able[strongest([tiers[position] for position in able])], ReasonCode.STRONGEST_UNKNOWN
    p = [views[position].p for position in able]
    costs_usd_nano = [views[position].expected_cost_usd_nano for position in able]
    return able[best(p, costs_usd_nano, dial.value)], ReasonCode.BEST_VALUE


def _rungs(
    values: Sequence[float], able: Sequence[int], aside: Sequence[int], chosen: int, *, degrade: bool
) -> list[int]:
    """Order the chosen tier's substitutes by value: one dearer tier, then the cheaper ones; last those set aside.

    Up at most once: when a cheap tier dies its whole traffic would otherwise climb to the dearest. Down after that,
    because a weaker answer that says so is better than none, unless the route would rather have none.
    """
    if len(able) == 1 and not aside:
        return [chosen]
    rungs = [chosen]
    for positions in (able, aside):
        by_value = sorted(positions, key=values.__getitem__, reverse=True)
        if max(rungs) == chosen:
            rungs += [position for position in by_value if position > chosen][:1]
        if degrade:
            rungs += [position for position in by_value if position < chosen]
    return rungs


@noun
class Flip:
    """What would have sent the request to another able tier, all else equal.

    `p_needed` is the probability at which that tier's value reaches the chosen one's; above 1 nothing would do.
    `dial_needed` is the λ nearest to the decision's at which it has the largest value of all, None if no λ gives that.
    """

    tier: TierName
    p_needed: float
    dial_needed: float | None


def flips(decision: Decision) -> tuple[Flip, ...]:
    """Tell, for each able tier that was not chosen, what would have made it the choice."""
    able = [view for view in decision.views if view.removed_by is None]
    chosen = next(view for view in able if view.tier == decision.ladder[0])
    return tuple(
        Flip(other.tier, _p_needed(decision.dial, chosen, other), _dial_needed(decision.dial, other, able))
        for other in able
        if other is not chosen
    )


def _p_needed(dial: float, chosen: TierView, other: TierView) -> float:
    return (
        chosen.p
        + value_of(0.0, chosen.expected_cost_usd_nano, dial)
        - value_of(0.0, other.expected_cost_usd_nano, dial)
    )


def _dial_needed(dial: float, other: TierView, able: Sequence[TierView]) -> float | None:
    lowest, highest = 0.0, math.inf
    for rival in able:
        gain = rival.p - other.p
        dearer_usd = (rival.expected_cost_usd_nano - other.expected_cost_usd_nano) / USD_NANO_PER_USD
        if dearer_usd > 0.0:
            lowest = max(lowest, gain / dearer_usd)
        elif dearer_usd < 0.0:
            highest = min(highest, gain / dearer_usd)
        elif gain > 0.0:
            return None
    return None if lowest > highest else min(max(dial, lowest), highest)
