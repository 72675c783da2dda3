"""Requests that were answered from the cache, as they were read: what comes again byte for byte is not read again.

Reading and checking a request's JSON, and writing it canonically for the cache, is most of what an exact hit costs
beside the network, and grows with the request. It depends on nothing but the bytes and the limits in force. Each part
of the cache has requests of its own here too, so that nobody can tell by the time a request takes what others asked.
"""

from typing import Final

from gateway.domain.ids import TenantId
from gateway.domain.limits import EdgeLimits
from gateway.domain.noun import noun
from gateway.domain.request import CanonicalRequest, Operation

BYTES_MAX: Final = 16 * 1024 * 1024
"""Of one worker: about two thousand requests of 2 kB."""
_COPIES: Final = 4
"""The body is held as it came, as read, as its texts, and in canonical form."""
_OVERHEAD_BYTES: Final = 1_500
"""What the objects around a request weigh."""


@noun
class Known:
    """What reading a request under these limits gave, and its canonical bytes for the cache."""

    request: CanonicalRequest
    identity: bytes
    limits: EdgeLimits


class KnownRequests:
    """Keep what was asked for lately, in two generations: when the younger is half of all, the elder is forgotten.

    That costs a request which is not here one look into each, and keeps no order.
    """

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._half_bytes = bytes_max // 2
        self._used_bytes = 0
        self._young: dict[tuple[TenantId, bytes], Known] = {}
        self._old: dict[tuple[TenantId, bytes], Known] = {}

    def find(self, partition: TenantId, operation: Operation, body: bytes, limits: EdgeLimits) -> Known | None:
        """Return what is known of a request; None for one that was read under other limits."""
        name = (partition, body)
        known = self._young.get(name) or self._old.get(name)
        if known is None or known.limits is not limits or known.request.called is not operation:
            return None
        return known

    def note(self, partition: TenantId, body: bytes, known: Known) -> None:
        """Keep a request. `body` is as it came."""
        size_bytes = _COPIES * len(body) + _OVERHEAD_BYTES
        if size_bytes > self._half_bytes:
            return
        if self._used_bytes + size_bytes > self._half_bytes:
            self._old, self._young, self._used_bytes = self._young, {}, 0
        self._used_bytes += size_bytes
        self._young[partition, body] = known
