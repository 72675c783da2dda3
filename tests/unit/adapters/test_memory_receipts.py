"""The last receipts of one process: how many. The contract of all stores is in tests/contract."""

from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.domain.ids import RequestId, TenantId
from tests.support.receipt_samples import a_receipt

ALICE = TenantId("alice")


async def test_only_the_newest_receipts_are_remembered() -> None:
    store = MemoryReceipts(kept=3)
    for number in range(5):
        store.put(a_receipt(tenant=ALICE, request_id=RequestId(str(number))))
    found = [number for number in range(5) if await store.get(ALICE, RequestId(str(number))) is not None]
    assert found == [2, 3, 4]


async def test_a_receipt_written_again_counts_as_new() -> None:
    store = MemoryReceipts(kept=2)
    for name in ("one", "two", "one", "three"):
        store.put(a_receipt(tenant=ALICE, request_id=RequestId(name)))
    assert await store.get(ALICE, RequestId("one")) is not None
    assert await store.get(ALICE, RequestId("two")) is None
