"""What a request asks of whichever server, and how it is put to one of them."""

from dataclasses import dataclass
from typing import Final

from gateway.domain.conversation import Standing
from gateway.domain.outcome import FailureKind
from gateway.domain.request import CanonicalRequest
from gateway.domain.tier import Endpoint, Tier
from gateway.domain.trace import Trace
from gateway.ports import Headers
from gateway.wire.fitting import Foreign, fit
from gateway.wire.forward import upstream_body

KNOWS_NO_STREAM_OPTIONS: Final = "basic"
"""The dialect of servers that refuse a request with `stream_options`: their streams are counted by us."""
TAKES_CACHE_SALT: Final = "vllm"
"""The dialect of servers that keep what they compute by `cache_salt`."""


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

    def body_for(self, tier: Tier, endpoint: Endpoint, prompt_cache_key: str | None) -> tuple[bytes, tuple[str, ...]]:
        """Return the body as that server is sent it, and what had to be left out of it."""
        dialect = endpoint.dialect
        body = upstream_body(
            self.request,
            tier.model,
            ask_usage=dialect != KNOWS_NO_STREAM_OPTIONS,
            cache_salt=self.salt if dialect == TAKES_CACHE_SALT and not tier.shares_prefixes else None,
            prompt_cache_key=prompt_cache_key,
        )
        foreign = self.foreign_to(tier)
        if tier.refuses or foreign is not Foreign.NOTHING:
            return fit(body, tier.refuses, foreign)
        return body, ()
