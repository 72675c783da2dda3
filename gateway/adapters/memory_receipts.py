"""The last receipts of one process."""

from collections import OrderedDict
from typing import Final

from gateway.domain.ids import RequestId, TenantId
from gateway.domain.receipt import Receipt, ReceiptTerms, weight_bytes
from gateway.ports import Clock

_LOOK_AGAIN: Final = 64
"""At every so many new receipts those that have expired are looked for; their room is bounded anyway."""


class MemoryReceipts:
    """Remember the newest receipts, within the terms, each for its own tenant only."""

    def __init__(self, terms: ReceiptTerms, clock: Clock) -> None:
        self._terms = terms
        self._clock = clock
        self._receipts: OrderedDict[tuple[TenantId, RequestId], Receipt] = OrderedDict()
        self._bytes = 0
        self._new = 0

    def put(self, receipt: Receipt) -> None:
        """Remember the receipt. One without a tenant (nobody was let in) has no reader and is not kept."""
        if receipt.tenant is None:
            return
        key, receipts, terms = (receipt.tenant, receipt.request_id), self._receipts, self._terms
        former = receipts.pop(key, None)
        if former is not None:
            self._bytes -= weight_bytes(former)
        receipts[key] = receipt
        self._bytes += weight_bytes(receipt)
        while len(receipts) > terms.kept or self._bytes > terms.bytes_max:
            self._drop_oldest()
        self._new += 1
        if self._new % _LOOK_AGAIN == 0:
            self._drop_expired()

    async def get(self, tenant: TenantId, request_id: RequestId) -> Receipt | None:
        """Return the tenant's receipt of that request."""
        found = self._receipts.get((tenant, request_id))
        return None if found is None or self._is_expired(found) else found

    async def aclose(self) -> None:
        """Nothing to close."""

    def _drop_expired(self) -> None:
        # They lie in the order of their requests' ends: behind a long one others may stay a little longer.
        while self._receipts and self._is_expired(next(iter(self._receipts.values()))):
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, dropped = self._receipts.popitem(last=False)
        self._bytes -= weight_bytes(dropped)

    def _is_expired(self, receipt: Receipt) -> bool:
        return self._clock.wall_s() - receipt.received_at_s > self._terms.ttl_s
