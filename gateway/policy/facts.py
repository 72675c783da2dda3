"""What a snapshot says, one fact at a time, in words: what `explain` prints and `diff` compares."""

from collections.abc import Iterator
from dataclasses import fields
from typing import TypeAlias

from gateway.domain.batch import BatchTerms, Priority
from gateway.domain.cache_terms import PPM, CacheTerms
from gateway.domain.classifier import ClassifierTerms
from gateway.domain.ids import TenantId
from gateway.domain.limits import EdgeLimits
from gateway.domain.remote_model import RemoteModel, SystemOneModel
from gateway.domain.request import Operation
from gateway.domain.semantic import SemanticTerms
from gateway.domain.tier import Endpoint, Secret, Tier
from gateway.policy import words
from gateway.policy.snapshot import (
    BatchPolicy,
    FeedbackTerms,
    HedgeTerms,
    PolicySnapshot,
    Route,
    Target,
    Tenant,
    VirtualKey,
)

Facts: TypeAlias = dict[str, dict[str, str]]
"""By subject (`tier small`), by field as a policy writes it (`limits.ttft`)."""


def facts_of(snapshot: PolicySnapshot) -> Facts:
    """Return every fact of a snapshot; a secret is only said to be there."""
    facts: Facts = {}
    for tier in snapshot.tiers.values():
        facts[f"tier {tier.name}"] = {**dict(tier_facts(tier)), **dict(lane_facts(tier, snapshot.batch))}
    for route in snapshot.routes.values():
        facts[f"route {route.name}"] = dict(route_facts(route))
    for alias, target in snapshot.aliases.items():
        facts[f"model {alias}"] = {"stands for": stands_for(target)}
    for tenant, keys in tenants_of(snapshot):
        facts[f"tenant {tenant.id}"] = {**dict(tenant_facts(tenant)), "keys": keys}
    facts["limits"] = dict(limit_facts(snapshot.limits))
    facts["batch"] = dict(batch_facts(snapshot.batch.terms))
    facts["classifier"] = dict(classifier_facts(snapshot.classifier))
    kept = snapshot.receipts
    facts["receipts"] = {
        "keep": f"{kept.kept:,}",
        "ttl": words.duration(kept.ttl_s),
        "memory": words.size(kept.bytes_max),
    }
    facts["feedback"] = dict(feedback_facts(snapshot.feedback))
    return facts


def tier_facts(tier: Tier) -> Iterator[tuple[str, str]]:
    """Yield what a policy says of a tier."""
    limits = tier.limits
    yield "model", tier.model
    yield "price", words.price(tier.price)
    yield "context", words.tokens(tier.context_tokens)
    yield "max_output", words.tokens(tier.max_output_tokens)
    yield "supports", words.needs(tier.supports)
    yield "refuses", ", ".join(tier.refuses) or "nothing"
    yield "prefix_sharing", "pool" if tier.shares_prefixes else "tenant"
    yield "prompt_cache_key", "sent" if tier.takes_cache_key else "not sent"
    yield "ability", words.ability(tier.ability)
    yield "health.probe", "off" if tier.idle_probe_s is None else words.duration(tier.idle_probe_s)
    yield "slo.ttft_p95", _objective(tier.slo.ttft_p95_s)
    yield "slo.itl_p95", _objective(tier.slo.itl_p95_s)
    yield "limits.ttft", words.duration(limits.ttft_s)
    yield "limits.ttft_per_1k_tokens", words.duration(limits.ttft_s_per_input_token * 1_000)
    yield "limits.answer", words.duration(limits.answer_s)
    yield "limits.stall", words.duration(limits.stall_s)
    yield "limits.connect", words.duration(limits.connect_s)
    yield "limits.in_flight", f"{limits.in_flight:,}"
    yield "limits.in_flight_tokens", words.tokens(limits.in_flight_tokens)
    for position, endpoint in enumerate(tier.endpoints):
        yield f"endpoints.{position}", _endpoint(endpoint)


def lane_facts(tier: Tier, batch: BatchPolicy) -> Iterator[tuple[str, str]]:
    """Yield which requests a tier takes, and what it costs those of the batch lane."""
    as_batch = batch.tiers.get(tier.name)
    if as_batch is None:
        yield "lanes", "interactive"
        return
    yield "lanes", "batch" if tier.name in batch.only else "interactive and batch"
    yield "batch_price", words.price(as_batch.price)
    yield "batch_flex", _yes_or_no(as_batch.is_flex)


def batch_facts(terms: BatchTerms) -> Iterator[tuple[str, str]]:
    """Yield what a policy says of the batch lane."""
    yield "fill", words.percent(terms.fill)
    yield "queue", f"{terms.queue:,}"
    yield "queue_size", words.size(terms.queue_bytes)
    yield "wait", words.duration(terms.wait_s)


def _objective(duration_s: float | None) -> str:
    return "not set" if duration_s is None else words.duration(duration_s)


def _endpoint(endpoint: Endpoint) -> str:
    key = _key(endpoint.api_key)
    load = "" if endpoint.metrics_url is None else f", its load from {endpoint.metrics_url}"
    apis = "" if endpoint.apis == (Operation.CHAT,) else f", {' and '.join(api.value for api in endpoint.apis)}"
    return f"{endpoint.base_url} ({endpoint.dialect}, {endpoint.transport}, {key}{load}{apis})"


def route_facts(route: Route) -> Iterator[tuple[str, str]]:
    """Yield what a policy says of a route, and the dial that follows from it."""
    yield "tiers", ", ".join(route.tiers)
    yield "quality", "not set" if route.quality is None else words.percent(route.quality)
    yield "dial", f"{words.number(route.dial.value)} per USD"
    yield (
        "budget",
        "not set" if route.budget_share is None else f"{words.percent(route.budget_share)} of the strongest tier",
    )
    yield "when_uncertified", route.when_uncertified.value
    yield "when_unknown", route.when_unknown.value
    yield "priority", route.priority.value
    yield "fallback.on", words.failures(route.fallback.on)
    yield "fallback.max_attempts", str(route.fallback.max_attempts)
    yield "fallback.replay", _yes_or_no(route.fallback.replay)
    yield "fallback.degrade", _yes_or_no(route.fallback.degrade)
    yield "hedge", "never" if route.hedge is None else _hedge(route.hedge)
    yield "heartbeat", words.duration(route.heartbeat_s)
    yield "deadline", words.duration(route.deadline_s)
    yield "stream_deadline", words.duration(route.stream_deadline_s)
    yield "scorer", route.scorer.value
    yield "conversation.lock_in_tool_loop", _yes_or_no(route.conversation.lock_in_tool_loop)
    yield "conversation.switch_margin", words.number(route.conversation.switch_margin)
    yield "conversation.idle_reset", words.duration(route.conversation.idle_reset_s)
    yield from cache_facts(route.cache)
    yield "cache.semantic", "never" if route.semantic is None else _semantic(route.semantic)


def cache_facts(terms: CacheTerms) -> Iterator[tuple[str, str]]:
    """Yield what a policy says of a route's cache."""
    yield "cache.exact", words.duration(terms.ttl_s)
    yield "cache.max_temperature", words.number(terms.max_temperature)
    yield "cache.coalesce", _yes_or_no(terms.coalesces)
    yield "cache.tool_calls", _yes_or_no(terms.tool_calls)
    yield "cache.max_answer", words.size(terms.answer_bytes_max)
    yield "cache.hit_price", words.percent(terms.hit_price_ppm / PPM)


def _hedge(terms: HedgeTerms) -> str:
    share, most = words.percent(terms.share), words.tokens(terms.prompt_tokens_max)
    after = f"all but {share} of the tier's streams" if terms.after_s is None else words.duration(terms.after_s)
    return f"after {after}, {share} of requests, prompts up to {most}"


def _semantic(terms: SemanticTerms) -> str:
    wrong, shadow, ttl = words.percent(terms.max_wrong), words.percent(terms.shadow), words.duration(terms.ttl_s)
    tools = ", tools too" if terms.tools else ""
    return f"at most {wrong} wrong, for {ttl}, {shadow} compared{tools}"


def stands_for(target: Target) -> str:
    """Say what an alias stands for."""
    return f"tier {target.tier}" if target.tier is not None else f"route {target.route}"


def tenants_of(snapshot: PolicySnapshot) -> list[tuple[Tenant, str]]:
    """Return each tenant with how many keys it has; everybody's, without keys, in open mode."""
    if snapshot.open_key is not None:
        return [(snapshot.open_key.tenant, "0")]
    keys: dict[TenantId, list[VirtualKey]] = {}
    for key in snapshot.keys.values():
        keys.setdefault(key.tenant.id, []).append(key)
    return [(theirs[0].tenant, _counted(theirs)) for theirs in keys.values()]


def _counted(keys: list[VirtualKey]) -> str:
    batch = sum(key.priority is Priority.BATCH for key in keys)
    return f"{len(keys)}, {batch} of them for batch requests" if batch else f"{len(keys)}"


def tenant_facts(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """Yield what a policy says of a tenant."""
    yield "budget", words.budget(tenant.allowance)
    yield "rate", words.rate(tenant.allowance)
    yield "share", words.number(tenant.share)
    yield "tiers", _names(tenant.tiers)
    yield "strongest_share", "unlimited" if tenant.strongest_share is None else words.percent(tenant.strongest_share)
    yield "models", _names(tenant.aliases)
    yield "allow.pin_tier", _yes_or_no(tenant.may_pin)
    yield "allow.debug", _yes_or_no(tenant.may_debug)
    yield "cache.scope", tenant.cache_scope
    yield "record_text", _yes_or_no(tenant.may_record_text)
    yield "trace_text_until", "never" if tenant.trace_text_until_s is None else words.day(tenant.trace_text_until_s)


def classifier_facts(terms: ClassifierTerms) -> Iterator[tuple[str, str]]:
    """Yield what a policy says of the encoder and of scorers elsewhere."""
    yield "device", terms.device.value
    yield "deadline", words.duration(terms.deadline_s)
    yield "cpu_deadline", words.duration(terms.cpu_deadline_s)
    yield "window", words.duration(terms.window_s)
    yield "queue", f"{terms.queue:,}"
    yield "tokens", words.tokens(terms.tokens)
    yield "remote", "none" if terms.remote is None else _remote(terms.remote)
    yield "systemone", "none" if terms.systemone is None else _systemone(terms.systemone)


def _remote(remote: RemoteModel) -> str:
    version = "" if remote.version is None else f" version {remote.version}"
    return f"{remote.model}{version} at {remote.base_url} ({remote.protocol}, {_key(remote.api_key)})"


def _systemone(decider: SystemOneModel) -> str:
    scale = f"slope {decider.slope:g}, offset {decider.offset:g}"
    return f"{decider.model} at {decider.base_url} ({scale}, {_key(decider.api_key)})"


def _key(key: Secret | None) -> str:
    return "without a key" if key is None else "with a key"


def feedback_facts(terms: FeedbackTerms) -> Iterator[tuple[str, str]]:
    """Yield what a policy says of feedback."""
    yield "scope", "shared" if terms.shared else "tenant"
    yield "sample", words.percent(terms.sample)


def _names(names: frozenset[str] | None) -> str:
    return "all" if names is None else ", ".join(sorted(names))


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"


def limit_facts(limits: EdgeLimits) -> Iterator[tuple[str, str]]:
    """Yield the limits at the edge, by the names that a policy uses."""
    for limit in fields(limits):
        value = getattr(limits, limit.name)
        if limit.name.endswith("_s"):
            yield limit.name.removesuffix("_s"), words.duration(value)
        elif limit.name.endswith("_bytes"):
            yield _SIZE_NAMES[limit.name], words.size(value)
        else:
            yield limit.name, _yes_or_no(value) if isinstance(value, bool) else f"{value:,}"


_SIZE_NAMES = {
    "body_bytes": "body",
    "stop_bytes": "stop_size",
    "headers_bytes": "headers_size",
    "url_bytes": "url_size",
    "sse_line_bytes": "sse_line",
    "sse_event_bytes": "sse_event",
}
