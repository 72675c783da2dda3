"""Batch requests: they wait with nothing sent and no server called, and come in when there is room to spare."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.place import Place
from gateway.domain.batch import BatchEnding, Priority
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import TierName
from gateway.domain.ledger import Hold, HoldVerdict
from gateway.domain.outcome import Outcome
from gateway.domain.request import Operation
from gateway.pipeline.places import call_next, look_after
from gateway.ports import Ledger
from tests.support.behaviours import stalls_before
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import (
    CHAT,
    STREAM,
    TEAM_KEY,
    TWO_TIERS,
    Books,
    Gateway,
    answer_of,
    error_of,
    held_until,
    hosts,
)
from tests.support.waiting import eventually

BATCH = ((b"x-tiergate-priority", b"batch"),)
NIGHTLY = TWO_TIERS.replace("    model: answer\n", "    lanes: [batch]\n    model: answer\n")
BATCH_KEYED = TWO_TIERS + "tenants: {team: {keys: [env:BATCH_KEY], batch_keys: [env:SEARCH_KEY]}}\n"
NARROW = TWO_TIERS + "limits: {in_flight: 2, in_flight_per_key: 10}\n"
"""One request under way leaves no room to spare for another."""


def numbered(number: int, body: dict[str, Any] = CHAT) -> dict[str, Any]:
    """Another request than the others, so that none is answered by another's answer."""
    return {**body, "seed": number}


class Busy:
    """A gateway whose model servers keep their answers to themselves until they are released."""

    def __init__(self, policy: str = NARROW, ledger: Ledger | None = None) -> None:
        self.gateway = Gateway(policy, ledger=ledger)
        self.released = asyncio.Event()
        self.gateway.network.plan.general = held_until(self.released)
        self.tasks: list[asyncio.Task[None]] = []
        self.clients: list[FakeClient] = []

    def send(self, *headers: tuple[bytes, bytes], body: dict[str, Any] = CHAT, key: bytes | None = None) -> FakeClient:
        client = self.gateway.client(numbered(len(self.clients), body), key=key, headers=headers)
        self.clients.append(client)
        serving = self.gateway.pipeline(Operation.CHAT, client.inbound, client.responder)
        self.tasks.append(asyncio.create_task(serving))
        return client

    async def holds(self, calls: int) -> None:
        await eventually(lambda: len(self.gateway.network.requests) == calls)

    async def waits(self, count: int = 1) -> None:
        await eventually(lambda: self.gateway.world.batch.waiting == count)

    async def end(self) -> None:
        self.released.set()
        await asyncio.gather(*self.tasks)
        world = self.gateway.world
        assert world.admission.in_flight == world.batch.in_flight == world.batch.waiting == 0
        assert world.batch.waiting_bytes == 0
        assert not self.gateway.faults

    def endings(self) -> list[BatchEnding | None]:
        """What became of the batch requests, in the order in which they ended."""
        return [receipt.batch.ending for receipt in self.gateway.kept.receipts if receipt.batch is not None]


async def test_where_there_is_room_a_batch_request_is_answered_at_once_and_says_so() -> None:
    gateway = Gateway()
    client = await gateway.ask(CHAT, headers=BATCH)
    assert client.responder.status == 200
    assert client.responder.headers[b"x-tiergate-priority"] == b"batch"
    assert gateway.receipt.priority is Priority.BATCH
    assert gateway.receipt.batch is not None
    assert gateway.receipt.batch.ending is BatchEnding.ADMITTED


async def test_an_interactive_request_says_nothing_of_it() -> None:
    gateway = Gateway()
    client = await gateway.ask(CHAT, headers=((b"x-tiergate-priority", b"interactive"),))
    assert b"x-tiergate-priority" not in client.responder.headers
    assert (gateway.receipt.priority, gateway.receipt.batch) == (Priority.INTERACTIVE, None)


@pytest.mark.parametrize("body", [CHAT, STREAM])
async def test_a_batch_request_waits_until_there_is_room_to_spare(body: dict[str, Any]) -> None:
    busy = Busy()
    busy.send()
    await busy.holds(1)
    waiting = busy.send(*BATCH, body=body)
    await busy.waits()
    assert waiting.inbound.reads == 1
    assert waiting.responder.status is None, "a clean error is still possible"
    assert len(busy.gateway.network.requests) == 1
    busy.gateway.clock.advance(3.0)
    await busy.end()
    assert answer_of(waiting) if body is CHAT else waiting.responder.body
    note = busy.gateway.receipt.batch
    assert note is not None
    assert (note.ending, note.waited_ms) == (BatchEnding.ADMITTED, 3_000.0)
    assert busy.gateway.receipt.external_ms >= 3_000.0, "the wait is not the gateway's own work"


async def test_interactive_requests_pass_those_that_wait() -> None:
    busy = Busy()
    busy.send()
    await busy.holds(1)
    waiting = busy.send(*BATCH)
    await busy.waits()
    busy.send()
    await busy.holds(2)
    queued = busy.send()
    await eventually(lambda: busy.gateway.world.admission.waiting)
    refused = busy.send(*BATCH)
    await eventually(lambda: refused.responder.status)
    assert refused.responder.status == 503
    assert refused.inbound.reads == 0
    assert refused.responder.headers[b"retry-after"] == b"10"
    await busy.end()
    assert queued.responder.status == waiting.responder.status == 200
    assert [receipt.priority for receipt in busy.gateway.kept.receipts].index(Priority.BATCH) == 0
    assert busy.gateway.receipt.priority is Priority.BATCH, "the one that waited ended last"
    assert busy.endings() == [BatchEnding.SHED, BatchEnding.ADMITTED]


async def test_who_waits_for_too_long_is_told_how_long_and_for_what() -> None:
    busy = Busy()
    busy.send()
    await busy.holds(1)
    late = busy.send(*BATCH, (b"x-tiergate-deadline-ms", b"20"))
    await eventually(lambda: late.responder.status)
    assert late.responder.status == 504
    error = error_of(late)
    assert error["code"] == ErrorCode.DEADLINE_EXCEEDED
    assert "waited 0.0 s for room on the tier small" in error["message"]
    assert "1 requests are under way, and batch requests are let in below 1" in error["message"]
    assert busy.gateway.receipt.outcome is Outcome.NO_SPARE_ROOM, "which no alarm rings for"
    await busy.end()
    assert busy.endings() == [BatchEnding.EXPIRED]


async def test_who_comes_when_its_time_is_up_already_does_not_wait() -> None:
    busy = Busy(NARROW + "batch: {wait: 1s}\n")
    busy.send()
    await busy.holds(1)
    late = busy.gateway.client(CHAT, headers=BATCH)
    slow_body = late.inbound.read_body

    async def read_body(limit_bytes: int, timeout_s: float) -> bytes:
        busy.gateway.clock.advance(2.0)
        return await slow_body(limit_bytes, timeout_s)

    late.inbound.read_body = read_body  # type: ignore[method-assign] # its body takes longer than it may wait
    await busy.gateway.pipeline(Operation.CHAT, late.inbound, late.responder)
    assert late.responder.status == 504
    await busy.end()


async def test_a_client_that_leaves_while_it_waits_is_in_line_no_more() -> None:
    busy = Busy()
    busy.send()
    await busy.holds(1)
    client = busy.send(*BATCH)
    await busy.waits()
    client.leave()
    await busy.waits(0)
    await busy.tasks[-1]
    assert client.responder.status is None
    assert busy.gateway.receipt.outcome is Outcome.CLIENT_GONE_BEFORE
    await busy.end()
    assert busy.endings() == [BatchEnding.GONE]
    assert len(busy.gateway.network.requests) == 1


async def test_a_worker_that_drains_tells_who_waits_and_finishes_what_runs() -> None:
    busy = Busy()
    running = busy.send()
    await busy.holds(1)
    waiting = busy.send(*BATCH)
    await busy.waits()
    busy.gateway.world.admission.drain()
    look_after(0.0, 1.0, busy.gateway.world)
    await busy.tasks[-1]
    assert waiting.responder.status == 503
    assert error_of(waiting)["code"] == ErrorCode.DRAINING
    await busy.end()
    assert running.responder.status == 200
    assert busy.endings() == [BatchEnding.SHED]


async def test_one_that_is_broken_off_while_it_waits_is_told() -> None:
    busy = Busy()
    busy.send()
    await busy.holds(1)
    waiting = busy.send(*BATCH)
    await busy.waits()
    task = busy.tasks.pop()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert error_of(waiting)["code"] == ErrorCode.DRAINING
    await busy.end()
    assert busy.endings() == [BatchEnding.SHED]


async def test_a_reload_leaves_who_waits_where_it_is() -> None:
    busy = Busy()
    busy.send()
    await busy.holds(1)
    waiting = busy.send(*BATCH)
    await busy.waits()
    busy.gateway.policy.snapshot = Gateway(NARROW.replace("dial: 1000000", "dial: 0")).policy.snapshot
    await busy.end()
    assert waiting.responder.status == 200
    assert answer_of(waiting)["model"], "answered by the policy that it came under"


async def test_a_kept_answer_needs_no_room() -> None:
    busy = Busy()
    busy.released.set()
    await busy.gateway.ask(CHAT)
    busy.released.clear()
    busy.send()
    await busy.holds(2)
    client = busy.gateway.client(CHAT, headers=BATCH)
    await busy.gateway.pipeline(Operation.CHAT, client.inbound, client.responder)
    assert client.responder.headers[b"x-tiergate-cache"] == b"exact"
    assert client.responder.headers[b"x-tiergate-priority"] == b"batch"
    await busy.end()
    assert busy.endings() == [BatchEnding.UNNEEDED]


async def test_nobody_follows_a_request_that_waits() -> None:
    busy = Busy(TWO_TIERS + "limits: {in_flight: 4, in_flight_per_key: 10}\n")
    for _ in range(2):
        busy.send()
    await busy.holds(2)
    same = busy.gateway.client(CHAT, headers=BATCH)
    busy.tasks.append(
        asyncio.create_task(busy.gateway.pipeline(Operation.CHAT, same.inbound, same.responder)),
    )
    await busy.waits()
    other = busy.gateway.client(CHAT)
    busy.tasks.append(asyncio.create_task(busy.gateway.pipeline(Operation.CHAT, other.inbound, other.responder)))
    await busy.holds(3)
    await busy.end()
    assert other.responder.headers[b"x-tiergate-cache"] == b"miss"


FULL = TWO_TIERS.replace("answer: 100ms}", "answer: 10s, in_flight: 2}") + "limits: {in_flight_per_key: 10}\n"
"""Two requests a server: half of that is one."""


async def test_a_full_tier_is_waited_for_and_no_dearer_one_is_asked() -> None:
    busy = Busy(FULL)
    for _ in range(2):
        busy.send(*BATCH)
    await busy.holds(2)
    waiting = busy.send(*BATCH)
    await busy.waits()
    busy.send()
    await busy.holds(3)
    assert set(hosts(busy.gateway)) == {"small-a:8000", "small-b:8000"}, "the rest of each server is for who waits"
    assert waiting.responder.status is None
    await busy.end()
    assert set(hosts(busy.gateway)) == {"small-a:8000", "small-b:8000"}
    assert waiting.responder.status == 200


def occupy(busy: Busy) -> list[Place]:
    """Take every place on the small tier's servers, as interactive requests would."""
    world, tier = busy.gateway.world, busy.gateway.policy.snapshot.tiers[TierName("small")]
    places = []
    while world.endpoints.has_room(tier, world.clock.now_s(), prompt_tokens=1):
        place = world.endpoints.take(tier, world.clock.now_s(), 0.5, prompt_tokens=1, answer_tokens=1)
        assert place is not None
        places.append(place)
    return places


def vacate(busy: Busy, places: list[Place]) -> None:
    """Give places back, and call who is next."""
    world = busy.gateway.world
    for place in places:
        place.leave(world.clock.now_s())
    call_next(world)


async def test_who_finds_its_room_taken_waits_again() -> None:
    busy = Busy(FULL)
    busy.released.set()
    places = occupy(busy)
    first, second = busy.send(*BATCH), busy.send(*BATCH)
    await busy.waits(2)
    busy.gateway.clock.advance(1.0)
    vacate(busy, places)
    # Called, and not awake yet.
    assert busy.gateway.world.batch.waiting == 1
    places = occupy(busy)
    await busy.waits(2)
    busy.gateway.clock.advance(2.0)
    assert (first.responder.status, second.responder.status) == (None, None)
    assert not busy.gateway.network.requests
    vacate(busy, places)
    await busy.end()
    assert (first.responder.status, second.responder.status) == (200, 200)
    assert busy.endings() == [BatchEnding.ADMITTED] * 2
    waited_ms = [receipt.batch.waited_ms for receipt in busy.gateway.kept.receipts if receipt.batch is not None]
    assert waited_ms == [3_000.0, 3_000.0], "of both times that it waited"


async def test_who_finds_its_room_taken_waits_no_longer_for_it_than_it_may() -> None:
    busy = Busy(FULL + "batch: {wait: 3s}\n")
    places = occupy(busy)
    late = busy.send(*BATCH)
    await busy.waits()
    vacate(busy, places)
    occupy(busy)
    busy.gateway.clock.advance(4.0)
    await eventually(lambda: late.responder.status)
    assert late.responder.status == 504
    await busy.end()
    assert busy.endings() == [BatchEnding.EXPIRED]


class SlowBooks(Books):
    """A ledger that takes its time over the first hold: meanwhile something happens."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] = int

    async def hold(self, hold: Hold) -> HoldVerdict:
        """Let it happen, and grant the hold."""
        if not self.holds:
            self.meanwhile()
        return await super().hold(hold)


async def test_who_finds_no_server_once_its_money_is_held_holds_up_nobody() -> None:
    ledger = SlowBooks()
    busy = Busy(FULL + "tenants: {team: {keys: [env:SEARCH_KEY], budget: {usd: 9, window: day}}}\n", ledger)
    busy.released.set()
    places = occupy(busy)
    first, second = busy.send(*BATCH, key=TEAM_KEY), busy.send(*BATCH, key=TEAM_KEY)
    await busy.waits(2)
    taken: list[Place] = []
    ledger.meanwhile = lambda: taken.extend(occupy(busy))
    vacate(busy, places)
    await busy.tasks[0]
    assert (first.responder.status, hosts(busy.gateway)) == (200, ["large:8000"]), (
        "a batch request goes on as any other"
    )
    await busy.waits()
    assert second.responder.status is None
    vacate(busy, taken)
    await busy.end()
    assert second.responder.status == 200


async def test_a_tier_out_of_service_is_not_waited_for() -> None:
    gateway = Gateway()
    for endpoint in gateway.policy.snapshot.tiers[TierName("small")].endpoints:
        gateway.world.endpoints.state(endpoint).mark_busy(2_000.0)
    await gateway.ask(CHAT, headers=BATCH)
    assert hosts(gateway) == ["large:8000"]


async def test_where_every_tier_is_out_of_service_one_is_waited_for() -> None:
    gateway = Gateway()
    for tier in gateway.policy.snapshot.tiers.values():
        for endpoint in tier.endpoints:
            gateway.world.endpoints.state(endpoint).mark_busy(2_000.0)
    client = await gateway.ask(CHAT, headers=(*BATCH, (b"x-tiergate-deadline-ms", b"20")))
    assert "no server of the tier small is in service" in error_of(client)["message"]


@pytest.mark.parametrize(
    ("policy", "key", "headers", "body"),
    [
        (BATCH_KEYED, TEAM_KEY, (), CHAT),
        (TWO_TIERS.replace("{dial: 1000000,", "{dial: 1000000, priority: batch,"), None, (), CHAT),
        (TWO_TIERS, None, (), {**CHAT, "service_tier": "flex"}),
        (NIGHTLY, None, (), {**CHAT, "model": "small"}),
    ],
)
async def test_key_route_body_and_tier_make_a_batch_request_too(
    policy: str, key: bytes | None, headers: tuple[tuple[bytes, bytes], ...], body: dict[str, Any]
) -> None:
    gateway = Gateway(policy)
    client = await gateway.ask(body, key=key, headers=headers)
    assert client.responder.status == 200
    assert gateway.receipt.priority is Priority.BATCH


async def test_who_turns_out_to_be_a_batch_request_may_be_turned_away_and_gives_its_place_back() -> None:
    busy = Busy(NARROW + "batch: {queue: 1}\n")
    busy.send()
    await busy.holds(1)
    busy.send(*BATCH)
    await busy.waits()
    refused = busy.send(body={**CHAT, "service_tier": "flex"})
    await eventually(lambda: refused.responder.status)
    assert refused.responder.status == 503
    assert busy.gateway.world.admission.in_flight == 1
    await busy.end()


CLOSED_TIERS = NIGHTLY.replace("    model: answer-large", "    lanes: [interactive]\n    model: answer-large")
PINNING = CLOSED_TIERS + "tenants: {team: {keys: [env:SEARCH_KEY], allow: {pin_tier: true}}}\n"


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        ({**CHAT, "model": "large"}, BATCH, "the tier large takes no batch requests"),
        (CHAT, (*BATCH, (b"x-tiergate-tier", b"large")), "the tier large takes no batch requests"),
        (CHAT, ((b"x-tiergate-tier", b"small"),), "the tier small takes batch requests only"),
    ],
)
async def test_a_tier_that_is_closed_to_a_request_is_told(
    body: dict[str, Any], headers: tuple[tuple[bytes, bytes], ...], told: str
) -> None:
    gateway = Gateway(PINNING)
    client = await gateway.ask(body, key=TEAM_KEY, headers=headers)
    error = error_of(client)
    assert (client.responder.status, error["code"]) == (400, ErrorCode.NO_ABLE_TIER)
    assert told in error["message"]


DAY_ROUTE = TWO_TIERS.replace("routes:\n", "routes:\n  day: {tiers: [large]}\n")
DAY_ALIAS = DAY_ROUTE.replace("  auto:", "  day: {route: day}\n  auto:")


async def test_a_route_without_a_tier_for_batch_requests_is_told() -> None:
    policy = DAY_ALIAS.replace("    model: answer-large", "    lanes: [interactive]\n    model: answer-large")
    client = await Gateway(policy).ask({**CHAT, "model": "day"}, headers=BATCH)
    assert "the route day takes no batch requests" in error_of(client)["message"]


async def test_each_lane_has_its_own_tiers_and_prices() -> None:
    gateway = Gateway(CLOSED_TIERS.replace("{input: 1, output: 2}", "{input: 1, output: 2}\n    batch_price: 50%"))
    await gateway.ask(CHAT)
    interactive = gateway.receipt
    await gateway.ask(CHAT, headers=BATCH)
    batch = gateway.receipt
    assert (interactive.tier, batch.tier) == ("large", "small")
    usage = batch.usage
    assert batch.charge_usd_nano == (1_000 * usage.input_tokens + 2_000 * usage.output_tokens) // 2
    assert batch.baseline_usd_nano == batch.charge_usd_nano, "no dearer tier is open to it"


async def test_a_provider_is_asked_for_the_price_that_is_reckoned_with() -> None:
    gateway = Gateway(TWO_TIERS.replace("    supports: [tools]\n", "    supports: [tools]\n    batch_flex: true\n"))
    await gateway.ask(CHAT, headers=BATCH)
    await gateway.ask(numbered(1))
    assert [seen.json.get("service_tier") for seen in gateway.network.requests] == ["flex", None]


async def test_what_a_batch_request_sees_counts_for_no_objective() -> None:
    slo = TWO_TIERS.replace("[tools]\n", "[tools]\n    slo: {ttft_p95: 50ms, itl_p95: 10ms}\n")
    gateway = Gateway(slo)
    await gateway.ask(STREAM, headers=BATCH)
    gateway.network.plan.general = stalls_before()
    await gateway.ask(numbered(1, STREAM), headers=BATCH)
    tiers = gateway.world.slos
    assert all(tiers.tier(name).window.misses() == ((0, 0), (0, 0)) for name in gateway.policy.snapshot.tiers)
    gateway = Gateway(slo)
    await gateway.ask(STREAM)
    assert gateway.world.slos.tier(next(iter(gateway.policy.snapshot.tiers))).window.misses()[0] == (0, 1)
