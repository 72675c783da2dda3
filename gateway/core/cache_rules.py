"""Which answers may be kept and served again, and under which key.

Everything inside a tenant's partition lies under an HMAC keyed by that tenant's own secret, so that neither another
tenant nor a reader of the store's dump can find a prompt by guessing it.
"""

import hmac
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache

from gateway.domain.cache_terms import CacheTerms
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.identity import CachedAnswer, CacheScope, ExactKey
from gateway.domain.ids import TenantId
from gateway.domain.noun import noun
from gateway.domain.request import CanonicalRequest

IDENTITY_VERSION = b"\x01"
"""Raise it when what is held to be "the same request" changes: older answers are then never found again."""

DEFAULT_TEMPERATURE = 1.0
"""What OpenAI's API takes for an absent `temperature`."""

TTL_JITTER = 0.1
"""Entries stored together must not expire together."""

_SECRET_LABEL = b"tiergate exact cache\x00"


@noun
class CacheControl:
    """What the client asked for in `Cache-Control` and `x-tiergate-cache`.

    `max_age_s` is the oldest answer it takes, None takes any; `only_if_cached` takes no other than a kept one;
    `exact_only` takes those to the very same request; `is_off` wants nothing to do with the cache.
    """

    no_cache: bool = False
    no_store: bool = False
    max_age_s: int | None = None
    only_if_cached: bool = False
    exact_only: bool = False
    is_off: bool = False


ANY_AGE = CacheControl()


@noun
class AnswerFacts:
    """What must be known of an answer before it may be kept.

    `is_complete`: a 2xx whose body, or whose stream up to its terminal event, arrived whole. `finish_reason` is None
    where the operation has none (embeddings).
    """

    is_complete: bool
    finish_reason: str | None
    has_tool_calls: bool
    body_bytes: int


class CacheBar(StrEnum):
    """Why the cache was left alone."""

    OFF = "off"
    CALLER = "caller"
    NO_CACHE = "no_cache"
    NO_STORE = "no_store"
    TEMPERATURE = "temperature"
    CHOICES = "choices"
    STATE = "state"
    INCOMPLETE = "incomplete"
    FINISH_REASON = "finish_reason"
    TOOL_CALLS = "tool_calls"
    TOO_LARGE = "too_large"


@lru_cache(maxsize=4096)
def tenant_secret(master: bytes, tenant: TenantId) -> bytes:
    """Derive the tenant's secret from the gateway's: the same on every worker that shares the master."""
    return hmac.digest(master, _SECRET_LABEL + tenant.encode(), "sha256")


@lru_cache(maxsize=4096)
def _begun(secret: bytes) -> hmac.HMAC:
    """Return an HMAC to be copied: `hmac.digest` has OpenSSL look for its algorithm each time, 1 µs more."""
    return hmac.new(secret, digestmod="sha256")


def exact_key(scope: CacheScope, identity: bytes, epoch: bytes = b"") -> ExactKey:
    """Return where the answer to a request with this identity lies in the scope.

    `epoch` (the route's) names the models that may answer: their length stands before them, so that no epoch and
    identity can be taken for another pair.
    """
    whole = IDENTITY_VERSION + len(epoch).to_bytes(4) + epoch + identity
    mac = _begun(scope.secret).copy()
    mac.update(whole)
    return ExactKey(scope.tenant, mac.hexdigest())


def bar_to_read(terms: CacheTerms, request: CanonicalRequest, control: CacheControl) -> CacheBar | None:
    """Return why no kept answer may be served, or None when one may."""
    bar = _bar_by_request(terms, request)
    if bar is not None:
        return bar
    if control.is_off:
        return CacheBar.CALLER
    return CacheBar.NO_CACHE if control.no_cache else None


def bar_to_write(
    terms: CacheTerms, request: CanonicalRequest, control: CacheControl, answer: AnswerFacts
) -> CacheBar | None:
    """Return why this answer may not be kept, or None when it may."""
    if control.is_off:
        return CacheBar.CALLER
    if control.no_store:
        return CacheBar.NO_STORE
    return _bar_by_request(terms, request) or _bar_by_answer(terms, request, answer)


def is_fresh(answer: CachedAnswer, control: CacheControl, wall_s: float) -> bool:
    """Tell whether the answer is young enough for the client."""
    return control.max_age_s is None or age_s(answer, wall_s) <= control.max_age_s


def age_s(answer: CachedAnswer, wall_s: float) -> float:
    """Return how old a kept answer is. One from the future, by another worker's clock, counts as new."""
    return max(0.0, wall_s - answer.stored_at_s)


def jittered_ttl_s(ttl_s: float, unit: float) -> float:
    """Move a time to live by up to ±`TTL_JITTER` of itself; `unit` is a random number in [0, 1)."""
    return ttl_s * (1.0 - TTL_JITTER + 2.0 * TTL_JITTER * unit)


def parse_cache_control(value: str) -> CacheControl:
    """Read a request's `Cache-Control`. Unknown directives and unreadable ages are ignored, as RFC 9111 §5.2 asks."""
    no_cache = no_store = only_if_cached = False
    max_age_s: int | None = None
    for directive in value.lower().split(","):
        name, _, argument = directive.strip().partition("=")
        argument = argument.strip('"')
        if name == "no-cache":
            no_cache = True
        elif name == "no-store":
            no_store = True
        elif name == "only-if-cached":
            only_if_cached = True
        elif name == "max-age" and argument.isascii() and argument.isdecimal():
            max_age_s = int(argument)
    return CacheControl(no_cache, no_store, max_age_s, only_if_cached)


def wished(control: CacheControl, value: str) -> CacheControl:
    """Add what `x-tiergate-cache` asks for. Raises GatewayError `invalid_value` for anything but its three words."""
    match value.strip().lower():
        case "semantic":
            return control
        case "exact":
            return replace(control, exact_only=True)
        case "off":
            return replace(control, is_off=True)
        case _:
            message = (
                f"x-tiergate-cache is {value[:40]!r}. Send `exact` (kept answers to the very same request), `semantic` "
                "(those to the same question in other words, too, where the route allows it) or `off`."
            )
            raise GatewayError(ErrorCode.INVALID_VALUE, message, param="x-tiergate-cache")


def _bar_by_request(terms: CacheTerms, request: CanonicalRequest) -> CacheBar | None:
    if terms.ttl_s is None:
        return CacheBar.OFF
    if not request.operation.is_written:
        return None
    if request.choices != 1:
        return CacheBar.CHOICES
    if request.native is not None and request.native.refusal is not None:
        # Its server may look things up, or note that it was asked.
        return CacheBar.STATE
    temperature = DEFAULT_TEMPERATURE if request.temperature is None else request.temperature
    return CacheBar.TEMPERATURE if temperature > terms.max_temperature else None


def _bar_by_answer(terms: CacheTerms, request: CanonicalRequest, answer: AnswerFacts) -> CacheBar | None:
    if not answer.is_complete:
        return CacheBar.INCOMPLETE
    if answer.body_bytes > terms.answer_bytes_max:
        return CacheBar.TOO_LARGE
    if not request.operation.is_written:
        return None
    if answer.has_tool_calls:
        # Servers end such an answer with `tool_calls`, `function_call` or, when the tool was forced, `stop`.
        return None if terms.tool_calls else CacheBar.TOOL_CALLS
    return None if answer.finish_reason == "stop" else CacheBar.FINISH_REASON
