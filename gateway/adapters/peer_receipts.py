"""Receipts that any worker can find where there is no Redis: its own, then those that the others remember."""

from collections.abc import Sequence
from typing import Final

from gateway.adapters.peers import Peers
from gateway.adapters.redis_receipts import ReceiptCodec
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.receipt import Receipt
from gateway.ports import ReceiptStore

RECEIPT: Final = "receipt"


class PeerReceipts:
    """Keeps receipts in a store of this worker's, and asks the others for what it has not."""

    def __init__(self, own: ReceiptStore, peers: Peers, codec: ReceiptCodec) -> None:
        self._own = own
        self._peers = peers
        self._codec = codec
        peers.answers[RECEIPT] = self._answer

    def put(self, receipt: Receipt) -> None:
        """Remember the receipt here."""
        self._own.put(receipt)

    async def get(self, tenant: TenantId, request_id: RequestId) -> Receipt | None:
        """Return the tenant's receipt of that request, whichever worker has it."""
        own = await self._own.get(tenant, request_id)
        if own is not None:
            return own
        found = [self._codec.decode(raw) for raw in await self._peers.ask(RECEIPT, tenant, request_id)]
        return next(
            (receipt for receipt in found if (receipt.tenant, receipt.request_id) == (tenant, request_id)), None
        )

    async def aclose(self) -> None:
        """Close the store."""
        await self._own.aclose()

    async def _answer(self, rest: Sequence[str]) -> bytes:
        tenant, request_id = rest
        own = await self._own.get(TenantId(tenant), RequestId(request_id))
        return b"" if own is None else self._codec.encode(own)
