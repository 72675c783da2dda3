"""How a request's prompt begins, and which servers have computed that: asked before a call, and told afterwards.

Nothing is read or hashed unless the tier has servers to choose from and the prompt is long enough to matter, and then
once a request.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from gateway.core.cache_rules import tenant_secret
from gateway.core.conversation import CUT_BELOW
from gateway.core.endpoint_state import EndpointState
from gateway.core.picker import EndpointTable
from gateway.core.prefix_chain import CHAIN_FROM_BYTES, NO_CHAIN, PrefixChain, chain_of
from gateway.core.prefix_index import Mark
from gateway.core.prompt_cache_keys import OPENING_BLOCKS
from gateway.domain.ids import EndpointId, TenantId
from gateway.domain.request import Operation
from gateway.domain.tier import Endpoint, Tier
from gateway.domain.usage import TokenUsage
from gateway.pipeline.journey import Decided
from gateway.pipeline.world import World
from gateway.ports import Headers
from gateway.wire.conversation import conversation_identity
from gateway.wire.serialised_prompt import serialised_prompt

_EVERYBODY: Final = TenantId("")
"""Whose prompts have one name for all tenants. No tenant is called so."""
_MARK_BYTES: Final = 6


class Beginning:
    """The beginning of one request's prompt."""

    __slots__ = ("_chains", "_request", "_standing", "_tenant", "_world")

    def __init__(self, decided: Decided, world: World) -> None:
        canonical = decided.scored.looked.canonical
        self._request = canonical.request
        self._tenant = canonical.admitted.key.tenant.id
        self._standing = decided.standing
        self._world = world
        self._chains: dict[TenantId, PrefixChain] = {}

    def cached(self, tier: Tier, now_s: float) -> Mapping[EndpointId, int] | None:
        """Return the tokens that servers are believed to have computed of it; None where it does not matter."""
        if len(tier.endpoints) == 1:
            return None
        chain, standing, request = self._chain(tier), self._standing, self._request
        found: dict[EndpointId, int] = {}
        if chain.blocks:
            marks = [mark_of(endpoint, tier) for endpoint in tier.endpoints]
            depths = self._world.prefixes.match(chain.blocks, marks, now_s)
            found = {endpoint.id: chain.tokens(depth) for endpoint, depth in zip(tier.endpoints, depths, strict=True)}
        if standing is not None and request.input_tokens >= CUT_BELOW * standing.prefix_tokens:
            found[standing.endpoint] = max(found.get(standing.endpoint, 0), standing.prefix_tokens)
        return found if chain.blocks or found else None

    def sent(self, tier: Tier, endpoint: Endpoint, now_s: float) -> None:
        """Take note that a server is about to compute it."""
        if len(tier.endpoints) > 1:
            self._world.prefixes.insert(self._chain(tier).blocks, mark_of(endpoint, tier), now_s)

    def answered(self, tier: Tier, endpoint: Endpoint, expected_tokens: int, usage: TokenUsage, sent_s: float) -> None:
        """Take note of what a server that tells of cached tokens had of it when it was sent there."""
        chain = self._chain(tier) if len(tier.endpoints) > 1 else NO_CHAIN
        if chain.blocks and usage.input_tokens:
            # The server counts tokens by its tokenizer and the chain by an estimate: what both mean is a share.
            reported_tokens = self._request.input_tokens * usage.cached_input_tokens // usage.input_tokens
            expected, reported = chain.blocks_in(expected_tokens), chain.blocks_in(reported_tokens)
            self._world.prefixes.correct(chain.blocks, mark_of(endpoint, tier), expected, reported, sent_s)

    def cache_key(self, tier: Tier, headers: Headers, now_s: float) -> str | None:
        """Return the key by which its servers find it; None where they take none, or it is too short for one."""
        if not tier.takes_cache_key:
            return None
        blocks, request = self._chain(tier).blocks, self._request
        if len(blocks) < OPENING_BLOCKS:
            return None
        is_chat = request.operation is Operation.CHAT
        conversation = conversation_identity(headers, request) if is_chat else blocks[-1]
        return self._world.cache_keys.key_for(blocks[OPENING_BLOCKS - 1], conversation, now_s)

    def _chain(self, tier: Tier) -> PrefixChain:
        request = self._request
        if request.prompt_bytes < CHAIN_FROM_BYTES or not request.operation.is_written:
            return NO_CHAIN
        whose = _EVERYBODY if tier.shares_prefixes else self._tenant
        chain = self._chains.get(whose)
        if chain is None:
            key = tenant_secret(self._world.cache_master, whose)
            chain = self._chains[whose] = chain_of(serialised_prompt(request), key, request.input_tokens)
        return chain


def mark_of(endpoint: Endpoint, tier: Tier) -> Mark:
    """Return what workers call a server among themselves: its address and model, and not its place in a policy."""
    return _mark(endpoint.base_url, tier.model)


def chosen_among(tiers: Iterable[Tier], endpoints: EndpointTable) -> Iterator[tuple[Mark, EndpointState]]:
    """Yield the servers that workers choose among, each with its mark."""
    for tier in tiers:
        if len(tier.endpoints) > 1:
            for endpoint in tier.endpoints:
                yield mark_of(endpoint, tier), endpoints.state(endpoint)


@lru_cache(maxsize=4096)
def _mark(base_url: str, model: str) -> Mark:
    return blake2b(f"{model}\0{base_url}".encode(), digest_size=_MARK_BYTES).digest()
