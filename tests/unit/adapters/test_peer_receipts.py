"""Receipts that other workers remember. The contract of all stores is in tests/contract."""

from pathlib import Path

from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.adapters.peer_receipts import RECEIPT, PeerReceipts
from gateway.adapters.peers import Peers
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.receipt import ReceiptTerms
from tests.support.clocks import ManualClock
from tests.support.receipt_samples import RECEIPT_CODEC, a_receipt

ALICE = TenantId("alice")


async def test_a_worker_answers_from_its_own_alone(tmp_path: Path) -> None:
    peers = Peers(tmp_path, 1)
    store = PeerReceipts(
        MemoryReceipts(ReceiptTerms(), ManualClock(wall_s=a_receipt().received_at_s)), peers, RECEIPT_CODEC
    )
    store.put(a_receipt(tenant=ALICE))
    answer = peers.answers[RECEIPT]
    assert RECEIPT_CODEC.decode(await answer(["alice", "r-1"])) == a_receipt(tenant=ALICE)
    assert await answer(["bob", "r-1"]) == b""
    assert await store.get(ALICE, RequestId("r-2")) is None
    await store.aclose()
