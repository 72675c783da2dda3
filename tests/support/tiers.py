"""Tiers, requests, scores and dials with sensible values, of which a test states only what matters to it."""

from dataclasses import replace

from gateway.domain.ability import Ability, Score
from gateway.domain.dial import Certificate, Dial
from gateway.domain.ids import EndpointId, ModelAlias, TierName
from gateway.domain.money import Price
from gateway.domain.request import CanonicalRequest, Need, Operation, Span, Splice
from gateway.domain.tier import Endpoint, Tier, TierLimits

EVERYTHING = Need.TOOLS | Need.VISION | Need.JSON_SCHEMA
KNOWN = Score((0.0,), 1.0, "test")
"""A wholly familiar request of middling difficulty: on it a tier's p is its ability's intercept through a sigmoid."""

_REQUEST = CanonicalRequest(
    operation=Operation.CHAT,
    alias=ModelAlias("auto"),
    body=b"{}",
    splice=Splice(Span(0, 0), None, 1),
    stream=False,
    include_usage=False,
    needs=Need.NONE,
    user_text="",
    context_text="",
    turns=1,
    prompt_bytes=3_600,
    input_tokens=1_000,
    max_output_tokens=None,
    choices=1,
    temperature=None,
    has_remote_images=False,
)


def a_request(
    *,
    operation: Operation = Operation.CHAT,
    needs: Need = Need.NONE,
    input_tokens: int = 1_000,
    max_output_tokens: int | None = None,
    choices: int = 1,
    temperature: float | None = None,
    user_text: str = "",
) -> CanonicalRequest:
    """Build a request."""
    return replace(
        _REQUEST,
        operation=operation,
        needs=needs,
        input_tokens=input_tokens,
        max_output_tokens=max_output_tokens,
        choices=choices,
        temperature=temperature,
        user_text=user_text or _REQUEST.user_text,
    )


def an_ability(
    intercept: float = 0.0, *, prior: float = 0.5, loading: float = 1.0, standard_error: float = 0.1
) -> Ability:
    """Build an ability in one latent dimension."""
    return Ability("test", intercept, (loading,), standard_error, prior, ())


def a_tier(
    name: str,
    rank: int = 0,
    *,
    ability: Ability | None = None,
    input_usd_pico: int = 0,
    cached_input_usd_pico: int | None = None,
    output_usd_pico: int = 1_000_000,
    context_tokens: int = 32_768,
    supports: Need = EVERYTHING,
    expected_output_tokens: int = 100,
    endpoints: int = 1,
) -> Tier:
    """Build a tier; at the default price and length an answer costs 100,000 nano-USD."""
    return Tier(
        name=TierName(name),
        rank=rank,
        model=f"{name}-model",
        price=Price(
            input_usd_pico,
            input_usd_pico if cached_input_usd_pico is None else cached_input_usd_pico,
            output_usd_pico,
        ),
        context_tokens=context_tokens,
        supports=supports,
        max_output_tokens=4_096,
        expected_output_tokens=expected_output_tokens,
        ability=ability or an_ability(),
        limits=TierLimits(ttft_s=4.0, ttft_s_per_input_token=0.0, stall_s=30.0, connect_s=1.0, in_flight=64),
        endpoints=tuple(an_endpoint(name, position) for position in range(endpoints)),
    )


def an_endpoint(tier: str, position: int = 0) -> Endpoint:
    """Build an endpoint of a tier."""
    return Endpoint(EndpointId(f"{tier}/{position}"), f"http://{tier}-{position}:8000/v1", "openai", None, "lean")


def a_dial(
    value: float = 0.0, *, certified: bool = True, strongest_only: bool = False, strongest_when_unknown: bool = False
) -> Dial:
    """Build a dial; what it expects of a route is left neutral."""
    certificate = Certificate.MODEL if certified else Certificate.NONE
    return Dial(value, certificate, (), 1.0, 1.0, 1.0, strongest_only, strongest_when_unknown)
