"""The last receipts of one process."""

from collections import OrderedDict

from gateway.domain.ids import RequestId, TenantId
from gateway.domain.receipt import Receipt


class MemoryReceipts:
    """Remember the newest `kept` receipts, each for its own tenant only."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._receipts: OrderedDict[tuple[TenantId, RequestId], Receipt] = OrderedDict()

    def put(self, receipt: Receipt) -> None:
        """Remember the receipt. One without a tenant (nobody was let in) has no reader and is not kept."""
        if receipt.tenant is None:
            return
        key = (receipt.tenant, receipt.request_id)
        self._receipts[key] = receipt
        self._receipts.move_to_end(key)
        while len(self._receipts) > self._kept:
            self._receipts.popitem(last=False)

    async def get(self, tenant: TenantId, request_id: RequestId) -> Receipt | None:
        """Return the tenant's receipt of that request."""
        return self._receipts.get((tenant, request_id))

    async def aclose(self) -> None:
        """Nothing to close."""
