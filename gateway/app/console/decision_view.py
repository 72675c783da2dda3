"""A decision on the page: each tier's chance, its interval and the bar it had to reach, drawn and in words."""

from typing import Final

from gateway.app.console import words
from gateway.app.console.markup import Markup, join, tag
from gateway.app.console.table import cell, facts, number, row, table
from gateway.app.decision_words import threshold, verdict, what_led, would_change
from gateway.domain.decision import Decision, TierView

_COLUMNS: Final = "Tier|Chance of a good answer|>p|>Cost|>p − λ·cost|Verdict"


def decision_view(decision: Decision) -> Markup:
    """Write a decision: a row for each tier, then what would have changed it, then the rest of what led to it."""
    changes = list(would_change(decision))
    return join(
        table("Tiers of this decision", _COLUMNS, [_tier(view, decision) for view in decision.views]),
        _legend(decision),
        join(tag("h4", "What would change it"), tag("ul", [tag("li", line) for line in changes])) if changes else "",
        tag("h4", "What leads to it"),
        facts(what_led(decision)),
    )


def _tier(view: TierView, decision: Decision) -> Markup:
    is_chosen = view.tier == decision.ladder[0]
    interval = tag("span", f"{view.p_low:.2f} – {view.p_high:.2f}", class_="beside")
    return row(
        cell(tag("b", view.tier)),
        tag("td", chance(view, threshold(view, decision)), class_="chance"),
        number(f"{view.p:.3f}", interval),
        number(words.usd(view.expected_cost_usd_nano)),
        number(words.DASH if view.value is None else f"{view.value:.4f}"),
        cell(verdict(view, decision)),
        class_="chosen" if is_chosen else "",
    )


def chance(view: TierView, needed: float | None) -> Markup:
    """Draw p from 0 to 1 with its interval, and the p from which the tier would be the choice."""
    said = f"p {view.p:.2f}, 90 % interval {view.p_low:.2f} to {view.p_high:.2f}"
    marks = [
        tag("line", x1="0", x2="100%", y1="50%", y2="50%", class_="axis"),
        tag("line", x1=_at(view.p_low), x2=_at(view.p_high), y1="50%", y2="50%", class_="interval"),
        tag("circle", cx=_at(view.p), cy="50%", r="5", class_="p"),
    ]
    if needed is not None and needed <= 1.0:
        said += f"; the choice from {max(0.0, needed):.2f} on"
        marks.append(tag("line", x1=_at(needed), x2=_at(needed), y1="10%", y2="90%", class_="needed"))
    return tag("svg", marks, class_="chance", role="img", aria_label=said)


def _at(p: float) -> str:
    return f"{100 * max(0.0, min(1.0, p)):.1f}%"


def _legend(decision: Decision) -> Markup:
    """Explain the marks that are there."""
    marks = ["● the chance, from 0 to 1", "▬ its 90 % interval"]
    if any((threshold(view, decision) or 2.0) <= 1.0 for view in decision.views):
        marks.append("┃ from here on the tier would be the choice")
    return tag("p", "   ".join(marks), class_="legend")
