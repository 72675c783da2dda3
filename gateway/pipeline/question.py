"""What a request asks of whichever server, and how it is put to one of them."""

from dataclasses import dataclass
from typing import Final

from gateway.domain.conversation import Standing
from gateway.domain.outcome import FailureKind
from gateway.domain.request import CanonicalRequest, Operation
from gateway.domain.tier import Endpoint, Tier
from gateway.domain.trace import Trace
from gateway.ports import Headers
from gateway.wire.dialects import DIALECTS
from gateway.wire.fitting import Foreign, fit
from gateway.wire.forward import native_body, upstream_body
from gateway.wire.headers import ANTHROPIC_BETA_HEADER, upstream_headers
from gateway.wire.messages.unsigned import without_unsigned

KNOWS_NO_STREAM_OPTIONS: Final = "basic"
"""The dialect of servers that refuse a request with `stream_options`: their streams are counted by us."""
TAKES_CACHE_SALT: Final = "vllm"
"""The dialect of servers that keep what they compute by `cache_salt`."""


@dataclass(slots=True)
class Put:
    """A request as one server is sent it: in which API, its bytes, and what had to be left out of them."""

    operation: Operation
    body: bytes
    removed: tuple[str, ...]


@dataclass(slots=True)
class Question:
    """What is asked of whichever server: the same for every attempt of a request."""

    request: CanonicalRequest
    headers: Headers
    request_id: str
    trace: Trace | None = None
    """Where the request belongs in a trace."""
    unfit: frozenset[FailureKind] = frozenset()
    """Faults of a whole answer for which the route would rather have another."""
    standing: Standing | None = None
    """Where the conversation stands that it goes on with."""

    salt: str = ""
    """Under it servers that take one keep what they compute for this caller's tenant."""

    def foreign_to(self, tier: Tier) -> Foreign:
        """Say how much of the history may be other models' work; nothing of one of which nothing is known."""
        standing = self.standing
        if standing is None:
            return Foreign.NOTHING
        if standing.tier != tier.name:
            return Foreign.ALL
        return Foreign.PAST if standing.is_mixed else Foreign.NOTHING

    def headers_for(self, endpoint: Endpoint, put: Put, place: Headers) -> list[tuple[bytes, bytes]]:
        """Return the headers as that server is sent them, `place` being its place in a trace."""
        credential = None if endpoint.api_key is None else endpoint.api_key.reveal()
        told = upstream_headers(
            self.request_id,
            credential,
            place,
            stream=self.request.stream,
            key_header=endpoint.takes_key_header,
        )
        if put.operation is Operation.MESSAGES and self.request.native is not None:
            told += [(name, value) for name, value in self.headers if name == ANTHROPIC_BETA_HEADER]
        return told

    def put_to(self, tier: Tier, endpoint: Endpoint, prompt_cache_key: str | None) -> Put:
        """Return the request as that server is sent it. Raises GatewayError for what it cannot be told."""
        request, apis = self.request, endpoint.apis
        native, foreign = request.native, self.foreign_to(tier)
        if native is not None and native.operation in apis:
            is_flex = tier.is_flex and native.operation is Operation.RESPONSES
            own = native_body(native.body, tier.model, is_flex=is_flex)
            body, removed = DIALECTS[native.operation].fit(own, tier.refuses, foreign)
            if native.operation is Operation.MESSAGES and endpoint.wants_signatures:
                body, unsigned = without_unsigned(body)
                removed = tuple(dict.fromkeys(removed + unsigned))
            return Put(native.operation, body, removed)
        if request.operation is Operation.CHAT and Operation.CHAT not in apis:
            body, removed = fit(upstream_body(request, tier.model, ask_usage=False), tier.refuses, foreign)
            body, left_out = DIALECTS[apis[0]].ask(body, tier.max_output_tokens)
            return Put(apis[0], body, (*removed, *left_out))
        dialect = endpoint.dialect
        body = upstream_body(
            request,
            tier.model,
            ask_usage=dialect != KNOWS_NO_STREAM_OPTIONS,
            cache_salt=self.salt if dialect == TAKES_CACHE_SALT and not tier.shares_prefixes else None,
            prompt_cache_key=prompt_cache_key,
            is_flex=tier.is_flex and request.operation is Operation.CHAT,
        )
        if tier.refuses or foreign is not Foreign.NOTHING:
            return Put(request.operation, *fit(body, tier.refuses, foreign))
        return Put(request.operation, body, ())
