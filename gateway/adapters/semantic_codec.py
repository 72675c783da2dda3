"""How an entry of the semantic index lies in Redis, and what must be right of one that comes back."""

from typing import Final

import msgspec

from gateway.adapters.redis_client import RedisClient
from gateway.domain.semantic import SemanticEntry, SemanticScope

_VERSION: Final = 1


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    """An entry; without a text and a vector, one that is to be forgotten."""

    version: int
    tenant: str
    scope: str
    answer: bytes
    text: str
    vector: bytes
    stored_at_s: float
    ttl_s: float


class EntryCodec:
    """Write entries with their tenant and scope, and trust none that comes back with others.

    `counts` are of those that could not be read, and of those that were another scope's.
    """

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Stored).decode
        self.counts = {"corrupt": 0, "mismatches": 0}

    def write(self, scope: SemanticScope, entry: SemanticEntry) -> bytes:
        """Return an entry as it is stored."""
        answer = bytes.fromhex(entry.answer)
        about = (entry.text, entry.vector, entry.stored_at_s, entry.ttl_s)
        return self._encode(_Stored(_VERSION, scope.tenant, scope.digest, answer, *about))

    def read(self, scope: SemanticScope, value: bytes) -> SemanticEntry | None:
        """Read what came for a scope; None for what is no entry, or none of this scope's: the connection errs then."""
        try:
            stored = self._decode(value)
        except msgspec.DecodeError:
            self.counts["corrupt"] += 1
            return None
        if stored.version != _VERSION:
            self.counts["corrupt"] += 1
            return None
        if (stored.tenant, stored.scope) != (scope.tenant, scope.digest):
            self.counts["mismatches"] += 1
            self._client.distrust("a question came back under another scope")
            return None
        return SemanticEntry(stored.answer.hex(), stored.text, stored.vector, stored.stored_at_s, stored.ttl_s)
