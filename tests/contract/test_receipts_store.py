"""What every store of receipts keeps to: in memory, and in Redis shared by workers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.adapters.peer_receipts import PeerReceipts
from gateway.adapters.peers import Peers
from gateway.adapters.redis_receipts import RedisReceipts, RedisReceiptsSettings
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.receipt import Receipt, ReceiptTerms
from gateway.ports import ReceiptStore
from tests.support.clocks import ManualClock
from tests.support.receipt_samples import RECEIPT_CODEC, a_receipt
from tests.support.redis_server import PATIENT_S, RedisServer, running_redis
from tests.support.redis_socket import SIMULATED
from tests.support.redis_stores import stores_on
from tests.support.waiting import eventually

STORES = ["memory", "memory, other worker", "redis, same worker", "redis, other worker", f"{SIMULATED}, other worker"]
ALICE, BOB = TenantId("alice"), TenantId("bob")
RECEIPT = a_receipt(tenant=ALICE)
TERMS, CLOCK = ReceiptTerms(kept=10), ManualClock(wall_s=RECEIPT.received_at_s)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


class Stores:
    """A store to write to and one to read from, which may be another worker's."""

    def __init__(self, writer: ReceiptStore, reader: ReceiptStore) -> None:
        self.writer = writer
        self.reader = reader

    async def put(self, receipt: Receipt) -> None:
        self.writer.put(receipt)
        if isinstance(self.writer, RedisReceipts):
            await self.writer.flush()


@asynccontextmanager
async def opened(kind: str, server: RedisServer) -> AsyncIterator[Stores]:
    if kind == "memory":
        memory = MemoryReceipts(TERMS, CLOCK)
        yield Stores(memory, memory)
        await memory.aclose()
        return
    if kind == "memory, other worker":
        with TemporaryDirectory() as folder:
            peers = [Peers(Path(folder), number, within_s=PATIENT_S) for number in (1, 2)]
            writer, reader = [PeerReceipts(MemoryReceipts(TERMS, CLOCK), each, RECEIPT_CODEC) for each in peers]
            listening = asyncio.create_task(peers[0].listen())
            await eventually(lambda: peers[0].is_listening)
            yield Stores(writer, reader)
            listening.cancel()
            await asyncio.wait([listening])
        return
    settings = RedisReceiptsSettings(TERMS, get_timeout_s=PATIENT_S)
    async with stores_on(kind, server, lambda client: RedisReceipts(client, RECEIPT_CODEC, CLOCK, settings)) as stores:
        yield Stores(stores[0], stores[0 if kind == "redis, same worker" else 1])


@pytest.mark.parametrize("kind", STORES)
async def test_a_receipt_comes_back_as_it_was(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        assert await stores.reader.get(ALICE, RECEIPT.request_id) is None
        await stores.put(RECEIPT)
        assert await stores.reader.get(ALICE, RECEIPT.request_id) == RECEIPT


@pytest.mark.parametrize("kind", STORES)
async def test_a_receipt_is_found_by_its_own_tenant_alone(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        await stores.put(RECEIPT)
        assert await stores.reader.get(BOB, RECEIPT.request_id) is None


@pytest.mark.parametrize("kind", STORES)
async def test_two_tenants_may_use_one_request_id(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        of_bob = replace(RECEIPT, tenant=BOB, charge_usd_nano=7)
        await stores.put(RECEIPT)
        await stores.put(of_bob)
        assert await stores.reader.get(ALICE, RECEIPT.request_id) == RECEIPT
        assert await stores.reader.get(BOB, RECEIPT.request_id) == of_bob


@pytest.mark.parametrize("kind", STORES)
async def test_the_receipt_of_nobody_is_kept_for_nobody(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        await stores.put(replace(RECEIPT, tenant=None))
        assert await stores.reader.get(ALICE, RECEIPT.request_id) is None


@pytest.mark.parametrize("kind", STORES)
async def test_the_newest_receipt_of_a_request_stands(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        await stores.put(RECEIPT)
        await stores.put(replace(RECEIPT, charge_usd_nano=99))
        found = await stores.reader.get(ALICE, RECEIPT.request_id)
        assert found is not None
        assert found.charge_usd_nano == 99


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize("name", ["{curly}", "a:b", "line\r\nend", "ü", "*"])
async def test_no_request_id_breaks_the_store(name: str, kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as stores:
        receipt = replace(RECEIPT, request_id=RequestId(name))
        await stores.put(receipt)
        assert await stores.reader.get(ALICE, receipt.request_id) == receipt
