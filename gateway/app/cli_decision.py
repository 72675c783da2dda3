"""A decision in words and as a table: what each tier was worth, which was chosen, and what would have changed it."""

from collections.abc import Iterable, Iterator, Mapping

from rich.console import Console

from gateway.app.cli_output import facts, table, title
from gateway.core.routing import Flip, flips
from gateway.core.value import value_of
from gateway.domain.decision import Decision, ReasonCode, TierView
from gateway.domain.ids import TierName
from gateway.domain.money import format_usd
from gateway.policy import words

WHY: Mapping[ReasonCode, str] = {
    ReasonCode.BEST_VALUE: "the largest p − λ·cost among the able tiers",
    ReasonCode.STRONGEST_UNCERTIFIED: "the route's quality is not certified, so its strongest able tier answers",
    ReasonCode.ONLY_ABLE: "every other tier was removed",
    ReasonCode.PINNED_BY_ALIAS: "the model's name stands for this tier",
    ReasonCode.PINNED_BY_HEADER: "the caller named this tier in x-tiergate-tier",
    ReasonCode.CONTEXT_WINDOW: "prompt and answer do not fit into its context window",
    ReasonCode.TOOLS: "it does not support tools",
    ReasonCode.VISION: "it does not support images",
    ReasonCode.JSON_SCHEMA: "it does not support JSON schemas",
    ReasonCode.KEY_TIERS: "the key may not use it",
    ReasonCode.UNHEALTHY: "none of its endpoints is healthy",
}


def print_decision(console: Console, decision: Decision, before: Iterable[tuple[str, str]] = ()) -> None:
    """Print everything that led to a decision; `before` are facts to begin with."""
    console.print(facts([*before, *_head(decision)]))
    console.print()
    right = ("p acceptable", "90 % interval", "expected cost USD", "p − λ·cost")
    rows = table("tier", *right, "verdict", right=right)
    for view in decision.views:
        rows.add_row(view.tier, *numbers(view), verdict(view, decision))
    console.print(rows)
    changes = list(would_change(decision))
    if changes:
        console.print()
        console.print(title("what would have changed it"))
        for line in changes:
            console.print(f"  {line}")


def _head(decision: Decision) -> Iterator[tuple[str, str]]:
    score = decision.score
    yield "chosen", f"{decision.ladder[0]} ({decision.reason}): {WHY[decision.reason]}"
    if len(decision.ladder) > 1:
        yield "when it fails", " → ".join(decision.ladder[1:])
    if score.is_known:
        position = ", ".join(f"{value:+.2f}" for value in score.latent)
        yield "difficulty", f"{score.scorer}: familiarity {words.percent(score.familiarity)}; position {position}"
    elif decision.reason in _PINNED:
        yield "difficulty", "not asked: only one tier is in question"
    else:
        yield (
            "difficulty",
            f"{score.scorer}: unknown, so each tier counts with its average over the calibration requests",
        )
    certified = "quality certified" if decision.certified else "quality not certified"
    yield "λ", f"{words.number(decision.dial)} per USD, {certified}"


_PINNED = frozenset({ReasonCode.PINNED_BY_ALIAS, ReasonCode.PINNED_BY_HEADER})


def numbers(view: TierView) -> tuple[str, str, str, str]:
    """Write p, its interval, the expected cost and the value of a tier."""
    value = "–" if view.value is None else f"{view.value:.4f}"
    interval = f"{view.p_low:.3f} – {view.p_high:.3f}"
    return f"{view.p:.3f}", interval, format_usd(view.expected_cost_usd_nano), value


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
    is_forced = decision.reason is ReasonCode.STRONGEST_UNCERTIFIED
    for flip in flips(decision):
        yield f"{flip.tier}: {_forced() if is_forced else _flip(flip, by_name[flip.tier], decision)}"
    for view in decision.views:
        if view.removed_by is not None and not is_forced and _would_win(view, decision, by_name):
            yield f"{view.tier}: had it not been removed ({view.removed_by}), it would have been the better value"


def _forced() -> str:
    return "a quality that is certified, or `when_uncertified: best_effort`"


def _flip(flip: Flip, view: TierView, decision: Decision) -> str:
    p_part = (
        "no chance of a good answer would do"
        if flip.p_needed > 1.0
        else f"p of {flip.p_needed:.3f} or more (it is {view.p:.3f})"
    )
    if flip.dial_needed is None:
        return f"{p_part}; no λ would do"
    bound = "at most" if flip.dial_needed < decision.dial else "at least"
    return f"{p_part}; or λ of {bound} {words.number(flip.dial_needed)} (it is {words.number(decision.dial)})"


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
        "score": {
            "scorer": decision.score.scorer,
            "familiarity": decision.score.familiarity,
            "latent": list(decision.score.latent),
        },
        "views": [
            {
                "tier": view.tier,
                "p": view.p,
                "p_low": view.p_low,
                "p_high": view.p_high,
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
