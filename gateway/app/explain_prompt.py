"""What would happen to a request and why: the journey up to the decision, without a gateway and without a model.

The same steps as the pipeline's, on the same code: canonicalise, score, decide. Nothing is held, cached or sent. Health
is not known here, so every tier counts as healthy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from gateway.adapters.artefact import Artefact
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.adapters.scorer_static import StaticScorer
from gateway.core.constraints import removal
from gateway.core.plan_fit import Allowed, misfits
from gateway.core.request_text import RequestText
from gateway.core.routing import Bars, Pin, decide
from gateway.core.tier_slo import TierSlos
from gateway.core.undecided import undecided
from gateway.domain.ability import ClassifierOutcome, Score, ScorerChoice
from gateway.domain.batch import Priority
from gateway.domain.decision import Decision, ReasonCode
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import ModelAlias, TierName
from gateway.domain.request import CanonicalRequest, Need, Operation
from gateway.domain.tier import Tier
from gateway.pipeline.canonicalise import find_target, seen_by
from gateway.policy.snapshot import PolicySnapshot, Route, Tenant, VirtualKey
from gateway.policy.tenants import open_key
from gateway.wire.caller_limits import NO_LIMITS, CallerLimits
from gateway.wire.openai_request import canonicalise

_NOT_ASKED = Score((), 0.0, "none", ClassifierOutcome.NOT_ASKED)
_TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
_IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
_SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}


@dataclass(frozen=True, slots=True)
class Question:
    """A request to be. `tenant` None asks as somebody who may use everything; `limits` are what its headers allow."""

    prompt: str
    model: ModelAlias
    system: str | None = None
    max_tokens: int | None = None
    needs: Need = Need.NONE
    tier: TierName | None = None
    tenant: str | None = None
    limits: CallerLimits = NO_LIMITS
    is_batch: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What would happen: a decision, or the error that the caller would get."""

    request: CanonicalRequest
    route: Route
    decision: Decision | None
    refusal: GatewayError | None


def answer(question: Question, snapshot: PolicySnapshot, artefact: Artefact) -> Answer:
    """Say what would happen.

    Raises GatewayError for a model, tenant or tier that does not exist or takes no such requests, or a broken limit.
    """
    tenant = find_tenant(question.tenant, snapshot)
    request = canonicalise(Operation.CHAT, body_of(question), snapshot.limits)
    target = find_target(snapshot, _key_of(tenant), question.model)
    pin = _pin(question, target.tier, tenant, snapshot)
    is_batch = question.is_batch or snapshot.routes[target.route].priority is Priority.BATCH
    route, every = seen_by(snapshot, target, pin, is_batch=is_batch)
    names = route.tiers if pin is None else (pin.tier,)
    tiers = [every[name] for name in names]
    score = _NOT_ASKED if pin is not None else _score(request, route, tiers, tenant, artefact)
    allowed = Allowed(question.limits.deadline_s, question.limits.cost_usd_nano)
    # Nobody has seen these tiers at work, so of time only what no tier could do is told.
    bars = Bars(misfits(request, tiers, allowed, TierSlos(), 0.0))
    try:
        decision = decide(
            request,
            score,
            tiers,
            route.dial,
            route=route.name,
            allowed=tenant.tiers,
            pin=pin,
            bars=bars,
            degrade=route.fallback.degrade,
        )
    except GatewayError as refusal:
        return Answer(request, route, None, refusal)
    return Answer(request, route, decision, None)


def _score(request: CanonicalRequest, route: Route, tiers: Sequence[Tier], tenant: Tenant, artefact: Artefact) -> Score:
    """Score by the stages that every gateway has; an encoder, which may be elsewhere, is not asked."""
    table = artefact.table
    text = RequestText(request.user_text, request.context_text, request.turns)
    found = FoldedScorer(table, table.adds).score_of(text)
    able = [tier for tier in tiers if removal(tier, request, tenant.tiers) is None]
    if route.scorer is ScorerChoice.FOLDED:
        return found
    if route.scorer is ScorerChoice.AUTO and not undecided(found, able, route.dial, request):
        return found
    return StaticScorer(artefact.static, table).score(text, found)


def body_of(question: Question) -> bytes:
    """Write the question as the body of a chat completion."""
    text: dict[str, object] = {"type": "text", "text": question.prompt}
    content = [text, _IMAGE] if Need.VISION in question.needs else question.prompt
    messages: list[dict[str, object]] = [{"role": "user", "content": content}]
    if question.system is not None:
        messages.insert(0, {"role": "system", "content": question.system})
    body: dict[str, Any] = {"model": question.model, "messages": messages}
    if question.max_tokens is not None:
        body["max_tokens"] = question.max_tokens
    if Need.TOOLS in question.needs:
        body["tools"] = [_TOOL]
    if Need.JSON_SCHEMA in question.needs:
        body["response_format"] = _SCHEMA
    return msgspec.json.encode(body)


def find_tenant(name: str | None, snapshot: PolicySnapshot) -> Tenant:
    """Find a tenant; for None, make up one who may do everything. Raises GatewayError."""
    if name is None:
        return open_key().tenant
    tenants = {key.tenant.id: key.tenant for key in snapshot.keys.values()}
    for tenant in tenants.values():
        if tenant.id == name:
            return tenant
    known = ", ".join(tenants) or "none, the policy declares no tenants"
    raise GatewayError(ErrorCode.INVALID_VALUE, f"There is no tenant {name!r}. Known: {known}.")


def _key_of(tenant: Tenant) -> VirtualKey:
    return replace(open_key(), tenant=tenant)


def _pin(question: Question, by_alias: TierName | None, tenant: Tenant, snapshot: PolicySnapshot) -> Pin | None:
    if question.tier is None:
        return None if by_alias is None else Pin(by_alias, ReasonCode.PINNED_BY_ALIAS)
    if not tenant.may_pin:
        message = f"The tenant {tenant.id!r} may not choose a tier (policy: tenants.{tenant.id}.allow.pin_tier)."
        raise GatewayError(ErrorCode.PERMISSION_DENIED, message)
    if question.tier not in snapshot.tiers:
        known = ", ".join(snapshot.tiers)
        raise GatewayError(ErrorCode.INVALID_VALUE, f"There is no tier {question.tier!r}. Known: {known}.")
    return Pin(question.tier, ReasonCode.PINNED_BY_HEADER)
