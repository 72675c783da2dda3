"""From checked types to the nouns of the snapshot. Nothing fails here: what could was found before."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from gateway.domain.ability import Ability, ScorerChoice
from gateway.domain.cache_terms import PPM, CacheTerms
from gateway.domain.calibration import Catalogue
from gateway.domain.conversation import ConversationTerms
from gateway.domain.dial import Aim, Certificate, Dial, SetBy, WhenUncertified, WhenUnknown
from gateway.domain.ids import EndpointId, RouteName, TierName
from gateway.domain.limits import EdgeLimits
from gateway.domain.money import FREE, Price
from gateway.domain.outcome import OF_THE_ANSWER, FailureKind
from gateway.domain.request import API_NEEDS, Need, Operation
from gateway.domain.semantic import SemanticTerms
from gateway.domain.tier import Endpoint, Tier, TierLimits, TierSlo
from gateway.policy.references import Resolved
from gateway.policy.schema import DEFAULT_MAX_OUTPUT_TOKENS, DEFAULT_QUALITY, LimitsSpec
from gateway.policy.schema_endpoints import EndpointSpec
from gateway.policy.schema_routes import CacheSpec, FallbackSpec, RouteSpec, SemanticSpec
from gateway.policy.schema_tiers import CatalogPrice, PriceTable, TierSpec
from gateway.policy.snapshot import Fallback, HedgeTerms, Route
from gateway.policy.world import World

_NEEDS: Final = {(need.name or "").lower(): need for need in Need}
_FAILURES: Final = {
    "connect": {FailureKind.CONNECT},
    "ttft": {FailureKind.TTFT},
    "busy": {FailureKind.BUSY},
    "error": {FailureKind.NO_RESPONSE, FailureKind.SERVER_ERROR, FailureKind.BAD_ANSWER},
    "context": {FailureKind.CONTEXT_LENGTH},
    "refusal": {FailureKind.REFUSAL},
    "empty": {FailureKind.EMPTY},
    "invalid_json": {FailureKind.INVALID_JSON},
    "broken_tool_call": {FailureKind.BROKEN_TOOL_CALL},
}
"""The words of `fallback.on`. Broken and stalled answers are absent: they fail after their first content."""
_APIS: Final = {"chat": Operation.CHAT, "messages": Operation.MESSAGES, "responses": Operation.RESPONSES}
_SPOKEN: Final = {"anthropic": ("messages",)}
_CHAT: Final = ("chat",)
_TELL_THEIR_LOAD: Final = frozenset({"vllm", "sglang", "llamacpp"})
"""Dialects whose servers have a page of metrics beside their base URL."""
_TOKENS_PER_K: Final = 1_000
_EXPECTED_OUTPUT_TOKENS: Final = 256
"""For a tier without an ability: nothing is known of how much it writes, and only its hold rests on this."""
_UNSTATED_STANDARD_ERROR: Final = 3.0
"""On the logit scale: an interval of nearly everything."""
_ONLY: Final = Dial(
    0.0, Certificate.TRIVIAL, (1.0,), quality=1.0, quality_low=1.0, cost_share=1.0, set_by=SetBy.NOTHING
)
"""Of a route that has one tier: there is nothing to choose."""


def price_of(spec: TierSpec, resolved: Resolved) -> Price | None:
    """Return what a tier costs; None where the price catalogue does not know, which is told elsewhere."""
    price = spec.price
    if isinstance(price, PriceTable):
        cached = price.input if price.cached_input is None else price.cached_input
        return Price(price.input, cached, price.output, price.cache_write)
    if isinstance(price, CatalogPrice):
        return resolved.prices.get((price.catalog, price.provider))
    return FREE if price == "free" else resolved.prices.get((spec.model, None))


def build_tier(name: str, rank: int, spec: TierSpec, price: Price, resolved: Resolved, catalogue: Catalogue) -> Tier:
    """Build a tier whose references are known to be good."""
    most = min(DEFAULT_MAX_OUTPUT_TOKENS, spec.context) if spec.max_output is None else spec.max_output
    found, expected = _ability(spec, resolved, catalogue)
    supports = Need.NONE
    for word in spec.supports:
        supports |= _NEEDS[word]
    endpoints = tuple(_endpoints(name, spec, resolved))
    for need, api in API_NEEDS:
        supports |= need if all(api in endpoint.apis for endpoint in endpoints) else Need.NONE
    limits = spec.limits
    return Tier(
        name=TierName(name),
        rank=rank,
        model=spec.model,
        price=price,
        context_tokens=spec.context,
        supports=supports,
        max_output_tokens=most,
        expected_output_tokens=min(expected, most),
        ability=found,
        limits=TierLimits(
            ttft_s=limits.ttft,
            ttft_s_per_input_token=limits.ttft_per_1k_tokens / _TOKENS_PER_K,
            stall_s=limits.stall,
            connect_s=limits.connect,
            in_flight=limits.in_flight,
            answer_s=limits.answer,
            in_flight_tokens=limits.in_flight_tokens,
        ),
        endpoints=endpoints,
        idle_probe_s=spec.health.probe,
        refuses=spec.refuses,
        takes_cache_key=spec.prompt_cache_key,
        shares_prefixes=spec.prefix_sharing == "pool",
        slo=TierSlo(ttft_p95_s=spec.slo.ttft_p95, itl_p95_s=spec.slo.itl_p95),
    )


def _ability(spec: TierSpec, resolved: Resolved, catalogue: Catalogue) -> tuple[Ability, int]:
    """Return how good a tier is, and how many tokens its answers are expected to have."""
    stated = spec.ability
    if stated is not None and stated.calibration is not None:
        calibrated = resolved.calibrations.get(stated.calibration)
        if calibrated is None:
            return replace(_unstated(catalogue), calibration=stated.calibration), _EXPECTED_OUTPUT_TOKENS
        return calibrated.ability, calibrated.expected_output_tokens
    found = None if stated is None or stated.like is None else catalogue.find(stated.like)
    if found is None:
        return _unstated(catalogue), _EXPECTED_OUTPUT_TOKENS
    return found, catalogue.expected_output_tokens.get(found.reference, _EXPECTED_OUTPUT_TOKENS)


def _endpoints(name: str, spec: TierSpec, resolved: Resolved) -> Iterator[Endpoint]:
    for position, endpoint in enumerate(spec.endpoints):
        yield Endpoint(
            id=EndpointId(f"{name}/{position}"),
            base_url=endpoint.url,
            dialect=endpoint.dialect,
            api_key=None if endpoint.api_key is None else resolved.secrets[endpoint.api_key],
            transport=endpoint.transport,
            metrics_url=_metrics_url(endpoint),
            apis=tuple([_APIS[api] for api in endpoint.apis or _SPOKEN.get(endpoint.dialect) or _CHAT]),
        )


def _metrics_url(endpoint: EndpointSpec) -> str | None:
    if endpoint.metrics == "off":
        return None
    if endpoint.metrics != "auto":
        return endpoint.metrics
    parts = urlsplit(endpoint.url)
    return f"{parts.scheme}://{parts.netloc}/metrics" if endpoint.dialect in _TELL_THEIR_LOAD else None


def _unstated(catalogue: Catalogue) -> Ability:
    """Return the ability of a tier that states none: even odds whatever the request, and hardly any certainty."""
    width = max((len(ability.loadings) for ability in catalogue.references.values()), default=0)
    return Ability("", 0.0, (0.0,) * width, _UNSTATED_STANDARD_ERROR, 0.5, ())


def build_route(name: str, spec: RouteSpec, tiers: tuple[Tier, ...], world: World) -> Route:
    """Build a route over its tiers, which are in rank order."""
    aim = aim_of(spec)
    return _route(RouteName(name), spec, tiers, aim, world.choose_dial(tiers, aim, world.catalogue))


def aim_of(spec: RouteSpec) -> Aim:
    """Return what a route asks of its dial, defaults filled in.

    A quality is a promise, and of what is unknown it can only be kept by the strongest tier; a budget and an explicit
    dial promise no quality, so there the averages decide.
    """
    quality = spec.quality
    if quality is None and spec.dial is None and spec.budget is None:
        quality = DEFAULT_QUALITY
    unknown = spec.when_unknown or ("prior" if quality is None else "strongest")
    return Aim(quality, spec.budget, spec.dial, WhenUncertified(spec.when_uncertified), WhenUnknown(unknown))


def build_pinned_route(tier: Tier) -> Route:
    """Build the route of an alias that names a tier: everything by default. No policy can name a route so."""
    return _route(RouteName(f"tier:{tier.name}"), RouteSpec(), (tier,), Aim(), _ONLY)


def _fallback(spec: FallbackSpec) -> Fallback:
    on = frozenset(kind for word in spec.on for kind in _FAILURES[word])
    return Fallback(on, spec.max_attempts if on else 1, spec.replay, spec.degrade, on & OF_THE_ANSWER)


def _route(name: RouteName, spec: RouteSpec, tiers: tuple[Tier, ...], aim: Aim, dial: Dial) -> Route:
    return Route(
        name=name,
        tiers=tuple(tier.name for tier in tiers),
        quality=aim.quality,
        budget_share=aim.budget,
        when_uncertified=aim.when_uncertified,
        when_unknown=aim.when_unknown,
        dial=dial,
        fallback=_fallback(spec.fallback),
        deadline_s=spec.deadline,
        stream_deadline_s=spec.stream_deadline,
        cache=_cache_terms(spec.cache),
        cache_epoch=_epoch(tiers),
        scorer=ScorerChoice(spec.scorer),
        conversation=ConversationTerms(
            spec.conversation.lock_in_tool_loop, spec.conversation.switch_margin, spec.conversation.idle_reset
        ),
        hedge=None if spec.hedge is None else HedgeTerms(spec.hedge.after, spec.hedge.budget, spec.hedge.max_prompt),
        heartbeat_s=spec.heartbeat,
        semantic=_semantic(spec.cache.semantic),
    )


def _semantic(spec: SemanticSpec | None) -> SemanticTerms | None:
    return None if spec is None else SemanticTerms(spec.max_wrong, spec.ttl, spec.shadow, spec.tools)


def _cache_terms(spec: CacheSpec) -> CacheTerms:
    return CacheTerms(
        ttl_s=spec.exact,
        max_temperature=spec.max_temperature,
        tool_calls=spec.tool_calls,
        answer_bytes_max=spec.max_answer,
        hit_price_ppm=round(spec.hit_price * PPM),
        coalesces=spec.coalesce,
    )


def _epoch(tiers: tuple[Tier, ...]) -> bytes:
    """Return 16 bytes that name the models behind a route, in their order."""
    named = "\n".join(f"{tier.name} {tier.model}" for tier in tiers)
    return hashlib.sha256(named.encode()).digest()[:16]


def build_limits(spec: LimitsSpec) -> EdgeLimits:
    """Build the limits at the edge."""
    return EdgeLimits(
        body_bytes=spec.body,
        depth=spec.depth,
        messages=spec.messages,
        tools=spec.tools,
        stop=spec.stop,
        stop_bytes=spec.stop_size,
        choices=spec.choices,
        top_logprobs=spec.top_logprobs,
        headers=spec.headers,
        headers_bytes=spec.headers_size,
        url_bytes=spec.url_size,
        headers_timeout_s=spec.headers_timeout,
        body_timeout_s=spec.body_timeout,
        sse_line_bytes=spec.sse_line,
        sse_event_bytes=spec.sse_event,
        in_flight=spec.in_flight,
        in_flight_per_key=spec.in_flight_per_key,
        queue=spec.queue,
        queue_wait_s=spec.queue_wait,
        loop_lag_s=spec.loop_lag,
        remote_images=spec.remote_images,
    )


def tiers_of(spec: RouteSpec, specs: Mapping[str, TierSpec], tiers: Mapping[TierName, Tier]) -> tuple[Tier, ...]:
    """Return the tiers that a route chooses from, in rank order."""
    named = {name for name, tier in specs.items() if tier.ability is not None} if spec.tiers is None else {*spec.tiers}
    return tuple(tier for name, tier in tiers.items() if name in named)
