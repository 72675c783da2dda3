"""The last receipts of one process: how many, and for how long. The contract of all stores is in tests/contract."""

from dataclasses import replace

from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.receipt import Receipt, ReceiptTerms, weight_bytes
from tests.support.clocks import ManualClock
from tests.support.receipt_samples import a_receipt, an_attempt

ALICE = TenantId("alice")


def receipt(name: object, clock: ManualClock) -> Receipt:
    return a_receipt(tenant=ALICE, request_id=RequestId(str(name)), received_at_s=clock.wall_s())


async def found(store: MemoryReceipts, names: range) -> list[int]:
    return [number for number in names if await store.get(ALICE, RequestId(str(number))) is not None]


async def test_only_the_newest_receipts_are_remembered() -> None:
    clock = ManualClock()
    store = MemoryReceipts(ReceiptTerms(kept=3), clock)
    for number in range(5):
        store.put(receipt(number, clock))
    assert await found(store, range(5)) == [2, 3, 4]


async def test_a_receipt_written_again_counts_as_new() -> None:
    clock = ManualClock()
    store = MemoryReceipts(ReceiptTerms(kept=2), clock)
    for name in ("one", "two", "one", "three"):
        store.put(receipt(name, clock))
    assert await store.get(ALICE, RequestId("one")) is not None
    assert await store.get(ALICE, RequestId("two")) is None


async def test_a_receipt_is_told_for_as_long_as_the_terms_say() -> None:
    clock = ManualClock()
    store = MemoryReceipts(ReceiptTerms(ttl_s=60.0), clock)
    store.put(receipt(1, clock))
    clock.jump(60.0)
    assert await found(store, range(2)) == [1]
    clock.jump(0.001)
    assert await found(store, range(2)) == []


async def test_what_has_expired_makes_room_for_what_is_new() -> None:
    clock = ManualClock()
    store = MemoryReceipts(ReceiptTerms(ttl_s=60.0), clock)
    for number in range(70):
        store.put(receipt(number, clock))
    clock.jump(61.0)
    for number in range(100, 170):
        store.put(receipt(number, clock))
    clock.jump(-61.0)
    assert await found(store, range(200)) == list(range(100, 170))


async def test_the_oldest_go_where_receipts_take_too_much_memory() -> None:
    clock = ManualClock()
    one = weight_bytes(receipt(0, clock))
    store = MemoryReceipts(ReceiptTerms(bytes_max=3 * one), clock)
    for number in range(5):
        store.put(receipt(number, clock))
    assert await found(store, range(5)) == [2, 3, 4]
    store.put(replace(receipt(9, clock), attempts=(replace(an_attempt(), detail="x" * one),)))
    assert await found(store, range(10)) == [4, 9]


async def test_one_that_is_written_again_is_weighed_once() -> None:
    clock = ManualClock()
    store = MemoryReceipts(ReceiptTerms(bytes_max=2 * weight_bytes(receipt(0, clock))), clock)
    for _ in range(10):
        store.put(receipt(1, clock))
    store.put(receipt(2, clock))
    assert await found(store, range(3)) == [1, 2]


def test_more_calls_and_longer_words_weigh_more() -> None:
    bare = a_receipt(decision=None, attempts=())
    assert (
        weight_bytes(bare) < weight_bytes(a_receipt()) < weight_bytes(a_receipt(attempts=(an_attempt(), an_attempt())))
    )
