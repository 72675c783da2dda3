"""Where a prompt would go and why, and what turning the dial would do: asked of the policy in force, sent to nobody."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.adapters.artefact import Artefact
from gateway.app.console import words
from gateway.app.console.decision_view import decision_view
from gateway.app.console.markup import Markup, join, tag
from gateway.app.decision_words import WHY, margin
from gateway.app.explain_prompt import Answer, Question, answer
from gateway.core.dial import curve
from gateway.domain.decision import Decision
from gateway.domain.dial import Aim
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import ModelAlias, RouteName
from gateway.domain.request import Need
from gateway.policy.snapshot import PolicySnapshot, Route

POINTS: Final = 41
"""On the shipped calibration requests they take 0.3 s of CPU in all, once for each policy and route."""
_NEEDS: Final = {"tools": Need.TOOLS, "vision": Need.VISION, "json_schema": Need.JSON_SCHEMA}
_CLOSE: Final = 0.05
"""A margin below this is called close: the interval of most tiers is wider."""


def question_of(form: Mapping[str, str]) -> Question:
    """Read the form. Raises GatewayError."""
    needs = Need(sum(need for name, need in _NEEDS.items() if name in form))
    length = form.get("max_tokens", "")
    if length and not (length.isascii() and length.isdigit() and int(length[:9]) > 0):
        raise GatewayError(ErrorCode.INVALID_VALUE, "The longest answer must be a whole number of tokens, from 1 on.")
    prompt, system = form.get("prompt", ""), form.get("system", "")
    if not prompt.strip():
        raise GatewayError(ErrorCode.INVALID_VALUE, "Type a prompt first.")
    most = int(length[:9]) if length else None
    return Question(
        prompt, ModelAlias(form.get("model", "")), system or None, most, needs, None, form.get("tenant") or None
    )


def told(question: Question, snapshot: PolicySnapshot, artefact: Artefact) -> Markup:
    """Say where a prompt would go, or why it would be refused."""
    try:
        found = answer(question, snapshot, artefact)
    except GatewayError as refusal:
        return refused(refusal)
    if found.refusal is not None:
        return refused(found.refusal)
    assert found.decision is not None, "what is not refused is decided"
    return join(_headline(found, found.decision), decision_view(found.decision))


def refused(refusal: GatewayError) -> Markup:
    """Say that a prompt would be refused."""
    return tag(
        "p", tag("strong", f"Refused: {refusal.code.replace('_', ' ')}. "), refusal.message, class_="verdict poor"
    )


def _headline(found: Answer, decision: Decision) -> Markup:
    cost = next(view.expected_cost_usd_nano for view in decision.views if view.tier == decision.ladder[0])
    return tag(
        "p",
        "It would go to ",
        tag("strong", decision.ladder[0]),
        f": {WHY[decision.reason]}. About {words.count(found.request.input_tokens, 'token')} in, expected to cost "
        f"{words.usd(cost)}, by route {found.route.name}.{close_call(decision)}",
        class_="verdict",
    )


def close_call(decision: Decision) -> str:
    """Say that a decision is a close call; nothing where it is none."""
    near = margin(decision)
    return "" if near is None or abs(near) > _CLOSE else f" A close call: {abs(near):.3f} of p decides it."


def routes_with_a_dial(snapshot: PolicySnapshot) -> list[Route]:
    """Return the routes on which there is something to choose."""
    return [route for route in snapshot.routes.values() if len(route.tiers) > 1]


def curve_document(name: str, snapshot: PolicySnapshot, artefact: Artefact) -> dict[str, Any]:
    """Write what a route's λ does as it grows, and where it stands. Raises GatewayError."""
    route = snapshot.routes.get(RouteName(name))
    if route is None or len(route.tiers) < 2:
        raise GatewayError(ErrorCode.NOT_FOUND, "There is no such route with more than one tier.")
    aim = Aim(when_uncertified=route.when_uncertified, when_unknown=route.when_unknown)
    points = curve(tuple(snapshot.tiers[tier] for tier in route.tiers), aim, artefact.catalogue, POINTS)
    return {
        "route": route.name,
        "tiers": list(route.tiers),
        "asked_quality": route.quality,
        "now": _point(route),
        "points": [
            {
                "dial": each.value,
                "quality": each.quality,
                "low": each.quality_low,
                "cost": each.cost_share,
                "shares": list(each.shares),
            }
            for each in points
        ],
    }


def _point(route: Route) -> dict[str, Any]:
    dial = route.dial
    return {
        "dial": dial.value,
        "quality": dial.quality,
        "low": dial.quality_low,
        "cost": dial.cost_share,
        "shares": list(dial.shares),
        "certificate": dial.certificate.value,
    }
