"""A decision in words: what each tier was worth, which was chosen, and what would have changed it."""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from gateway.core.routing import Flip, flips
from gateway.core.value import value_of
from gateway.domain.conversation import ConversationNote, Verdict
from gateway.domain.decision import Decision, ReasonCode, TierView
from gateway.domain.dial import Certificate
from gateway.domain.ids import TierName
from gateway.domain.money import format_usd
from gateway.policy import words

WHY: Mapping[ReasonCode, str] = {
    ReasonCode.BEST_VALUE: "the largest p − λ·cost among the able tiers",
    ReasonCode.STRONGEST_UNCERTIFIED: "the route's quality is not certified, so its strongest able tier answers",
    ReasonCode.STRONGEST_UNKNOWN: "nothing is known of the request, so the route's strongest able tier answers",
    ReasonCode.ONLY_ABLE: "every other tier was removed",
    ReasonCode.PINNED_BY_ALIAS: "the model's name stands for this tier",
    ReasonCode.PINNED_BY_HEADER: "the caller named this tier in x-tiergate-tier",
    ReasonCode.CONVERSATION_LOCKED: "calls of tools are open, so the conversation's tier goes on",
    ReasonCode.CONVERSATION_KEPT: "another tier is not worth leaving the conversation's own, or not yet",
    ReasonCode.CONVERSATION_SWITCHED: "it is worth leaving the conversation's tier, the cached prefix counted in",
    ReasonCode.CONTEXT_WINDOW: "prompt and answer do not fit into its context window",
    ReasonCode.TOOLS: "it does not support tools",
    ReasonCode.VISION: "it does not support images",
    ReasonCode.JSON_SCHEMA: "it does not support JSON schemas",
    ReasonCode.RESPONSES: "not all of its servers take the Responses API, which the request needs",
    ReasonCode.MESSAGES: "not all of its servers take the Messages API, which the request needs",
    ReasonCode.SYSTEMONE: "it answers no typed questions",
    ReasonCode.DECISIONS: "it answers no typed questions",
    ReasonCode.RERANK: "it puts no documents in order",
    ReasonCode.KEY_TIERS: "the key may not use it",
    ReasonCode.COST: "its longest answer may cost more than the caller allows",
    ReasonCode.DEADLINE: "it is not expected to answer within the caller's time",
    ReasonCode.BUDGET: "its longest answer may cost more than the budget has left",
    ReasonCode.STRONGEST_SHARE: "the key has had its share of the strongest tier in the last hour",
    ReasonCode.SLO: "it misses its objective, and a share of its requests goes elsewhere; it is tried last",
    ReasonCode.COST_STORM: "it has as many requests meant for cheaper tiers under way as it may",
    ReasonCode.UNHEALTHY: "none of its endpoints is healthy",
    ReasonCode.FULL: "each of its endpoints has as much to do as it may have at once",
}


def what_led(decision: Decision) -> Iterator[tuple[str, str]]:
    """Yield the facts that led to a decision: pairs of a name and what there is to say."""
    score = decision.score
    yield "chosen", f"{decision.ladder[0]} ({decision.reason}): {WHY[decision.reason]}"
    if len(decision.ladder) > 1:
        yield "when it fails", " → ".join(decision.ladder[1:])
    if score.is_known:
        position = ", ".join(f"{value:+.2f}" for value in score.latent)
        known = words.percent(round(score.familiarity, 3))
        yield "difficulty", f"{score.scorer} ({score.outcome}): familiarity {known}; position {position}"
    elif decision.reason in _PINNED:
        yield "difficulty", "not asked: only one tier is in question"
    else:
        counts = "each tier counts with its average over the calibration requests"
        yield "difficulty", f"{score.scorer} ({score.outcome}): unknown, so {counts}"
    if score.corrections:
        moved = ", ".join(f"{each.tier} {each.logit:+.2f} by {each.labels:.1f} labels" for each in score.corrections)
        yield "feedback", f"moves the log odds of {moved}"
    yield "λ", f"{words.number(decision.dial)} per USD: {_bargain(decision.dial)}"
    if decision.conversation is not None:
        yield "conversation", _conversation(decision.conversation)
    yield "quality", _CERTAIN[decision.certificate]


def _conversation(note: ConversationNote) -> str:
    """Say how a conversation weighed on the decision."""
    told = f"{note.verdict}: it was at {note.tier}"
    if note.verdict is Verdict.RELEASED:
        return f"{told}, which cannot take the request, or whose prefix is lost anyway"
    gain = f"the best tier gains {note.gain:+.4f} over that, and {note.gain_needed:.4f} were needed"
    prefix = f"{note.prefix_tokens:,} tokens of prefix, worth ${format_usd(note.prefix_loss_usd_nano)}"
    return f"{told}, with {prefix}; {gain}; easy turns in a row: {note.easy_turns}"


def _bargain(dial: float) -> str:
    """Say in plain words what a λ asks for: what so much more money must buy."""
    if dial == 0.0:
        return "cost does not count, the likeliest tier answers"
    usd = 10.0 ** -math.ceil(math.log10(dial))
    return f"${usd:.10f}".rstrip("0").rstrip(".") + f" more must buy {dial * usd:.2f} more chance of a good answer"


_CERTAIN: Final[Mapping[Certificate, str]] = {
    Certificate.OUTCOMES: "certified by graded answers (outcomes)",
    Certificate.MIXED: "certified by graded answers where there are any, else by the difficulty model (mixed)",
    Certificate.MODEL: "certified by the difficulty model's own interval (model)",
    Certificate.TRIVIAL: "certain: no tier is cheaper than the strongest (trivial)",
    Certificate.NONE: "not certified (none)",
}


_PINNED = frozenset({ReasonCode.PINNED_BY_ALIAS, ReasonCode.PINNED_BY_HEADER})


def numbers(view: TierView, decision: Decision) -> tuple[str, str, str, str, str]:
    """Write p, its interval, the p from which the tier is the choice, the expected cost and the value of a tier."""
    value = "–" if view.value is None else f"{view.value:.4f}"
    interval = f"{view.p_low:.3f} – {view.p_high:.3f}"
    needed = threshold(view, decision)
    told = "–" if needed is None else f"{max(0.0, needed):.3f}" if needed <= 1.0 else "more than 1"
    return f"{view.p:.3f}", interval, told, format_usd(view.expected_cost_usd_nano), value


def threshold(view: TierView, decision: Decision) -> float | None:
    """Return the p from which this tier has the best value of the able ones, the others as they are.

    None where no p would do: it was removed, it is alone, or value is not what decides.
    """
    rivals = [other.value for other in decision.views if other.value is not None and other.tier != view.tier]
    if view.value is None or not rivals or decision.reason is not ReasonCode.BEST_VALUE:
        return None
    return max(rivals) + (view.p - view.value)


def in_short(decision: Decision) -> Iterator[str]:
    """Say in a few lines how the tiers compared, where the bar lay, and what would have changed the choice."""
    for view in decision.views:
        needed = threshold(view, decision)
        bar = (
            "" if needed is None else f", the choice from p {max(0.0, needed):.3f} on" if needed <= 1.0 else ", at no p"
        )
        chosen = " (chosen)" if view.tier == decision.ladder[0] else ""
        yield f"{view.tier}{chosen}: p {view.p:.3f}, 90 % interval {view.p_low:.3f} – {view.p_high:.3f}{bar}"
    yield f"λ {words.number(decision.dial)} per USD: {_bargain(decision.dial)}"
    yield from would_change(decision)


def margin(decision: Decision) -> float | None:
    """Return how far the nearest other tier is from the p at which it would be the choice; None where λ decides not."""
    if decision.reason is not ReasonCode.BEST_VALUE:
        return None
    have = {view.tier: view.p for view in decision.views}
    return min((flip.p_needed - have[flip.tier] for flip in flips(decision)), default=None)


def verdict(view: TierView, decision: Decision) -> str:
    """Say what became of a tier."""
    if view.removed_by is not None:
        return f"removed ({view.removed_by}): {WHY[view.removed_by]}"
    if view.tier not in decision.ladder:
        return "able, not tried"
    place = decision.ladder.index(view.tier)
    return "chosen" if place == 0 else f"fallback {place}"


def would_change(decision: Decision) -> Iterator[str]:
    """Say for each other able tier what would have made it the choice."""
    if decision.reason in _PINNED:
        yield "a model name that stands for a route, without x-tiergate-tier: the route would then decide"
        return
    by_name = {view.tier: view for view in decision.views}
    is_forced = decision.reason in _FORCED
    for flip in flips(decision):
        yield f"{flip.tier}: {_FORCED[decision.reason] if is_forced else _flip(flip, by_name, decision)}"
    for view in decision.views:
        if view.removed_by is not None and not is_forced and _would_win(view, decision, by_name):
            yield f"{view.tier}: had it not been removed ({view.removed_by}), it would have been the better value"


_FORCED: Final[Mapping[ReasonCode, str]] = {
    ReasonCode.STRONGEST_UNCERTIFIED: "a quality that is certified, or `when_uncertified: best_effort`",
    ReasonCode.STRONGEST_UNKNOWN: "a request of which something is known, or `when_unknown: prior`",
}


def _flip(flip: Flip, by_name: Mapping[TierName, TierView], decision: Decision) -> str:
    view, chosen = by_name[flip.tier], by_name[decision.ladder[0]]
    return f"{_deal(view, chosen, decision.dial)}. {_p_part(flip, view)}; {_dial_part(flip, decision.dial)}"


def _deal(view: TierView, chosen: TierView, dial: float) -> str:
    """Say what the difference in cost is worth at this λ, and what difference in p stands against it."""
    more_usd_nano = view.expected_cost_usd_nano - chosen.expected_cost_usd_nano
    worth = abs(value_of(0.0, more_usd_nano, dial))
    usd, gain = format_usd(abs(more_usd_nano)), view.p - chosen.p
    if more_usd_nano > 0:
        got = f"it is {gain:.3f} likelier" if gain > 0.0 else "it is not likelier"
        return f"costs ${usd} more than {chosen.tier}, which must buy {worth:.3f} of p; {got} to answer well"
    lost = f"it is {-gain:.3f} less likely" if gain < 0.0 else "it is no less likely"
    return f"saves ${usd} against {chosen.tier}, which is worth {worth:.3f} of p; {lost} to answer well"


def _p_part(flip: Flip, view: TierView) -> str:
    if flip.p_needed > 1.0:
        return "No chance of a good answer would do"
    near = ", and that is within its interval: a close call" if flip.p_needed <= view.p_high else ""
    return f"It needs p of {flip.p_needed:.3f} or more and has {view.p:.3f}{near}"


def _dial_part(flip: Flip, dial: float) -> str:
    if flip.dial_needed is None:
        return "no λ would do"
    bound = "at most" if flip.dial_needed < dial else "at least"
    return f"or λ of {bound} {words.number(flip.dial_needed)} (it is {words.number(dial)})"


def _would_win(view: TierView, decision: Decision, by_name: Mapping[TierName, TierView]) -> bool:
    chosen = by_name[decision.ladder[0]]
    return _value(view, decision.dial) > _value(chosen, decision.dial)


def _value(view: TierView, dial: float) -> float:
    return value_of(view.p, view.expected_cost_usd_nano, dial)


def decision_document(decision: Decision) -> dict[str, object]:
    """Write a decision as a document for scripts, in the words of a receipt."""
    return {
        "chosen": decision.ladder[0],
        "ladder": list(decision.ladder),
        "reason": decision.reason.value,
        "route": decision.route,
        "dial": decision.dial,
        "certified": decision.certified,
        "certificate": decision.certificate.value,
        "score": {
            "scorer": decision.score.scorer,
            "outcome": decision.score.outcome.value,
            "familiarity": decision.score.familiarity,
            "latent": list(decision.score.latent),
        },
        "views": [
            {
                "tier": view.tier,
                "p": view.p,
                "p_low": view.p_low,
                "p_high": view.p_high,
                "p_needed": threshold(view, decision),
                "expected_cost_usd": format_usd(view.expected_cost_usd_nano),
                "expected_cost_usd_nano": view.expected_cost_usd_nano,
                "value": view.value,
                "removed_by": view.removed_by,
            }
            for view in decision.views
        ],
        "flips": [
            {"tier": flip.tier, "p_needed": flip.p_needed, "dial_needed": flip.dial_needed} for flip in flips(decision)
        ],
    }
