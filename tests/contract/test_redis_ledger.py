"""The shared ledger over time, and when Redis answers late, strangely, or not at all."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_ledger import RedisLedger, RedisLedgerSettings
from gateway.adapters.redis_settles import SettleRetrySettings
from gateway.adapters.redis_target import RedisTarget
from gateway.adapters.redis_turn import TurnClient
from gateway.domain.ledger import Allowance
from gateway.ports import LedgerUnavailable
from tests.support.ledgers import AGES_S, PATIENT, TENANT, a_hold, a_settlement, an_allowance
from tests.support.redis_in_memory import encoded
from tests.support.redis_server import (
    PATIENT_S,
    MonotonicClock,
    RedisServer,
    client_of,
    open_breaker,
    running_redis,
    scripted_listener,
)
from tests.support.waiting import eventually

BUDGET_100 = an_allowance(budget=100)
QUICK = replace(PATIENT, retries=SettleRetrySettings(wait_s=0.005, wait_s_max=0.01, close_s=PATIENT_S))
REQUEST_GUARD_S = 1.0


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def worker(
    server: RedisServer | RedisTarget, settings: RedisLedgerSettings = QUICK, *, open_s: float = 0.01
) -> AsyncIterator[tuple[RedisLedger, TurnClient]]:
    client = client_of(server, open_s=open_s)
    ledger = RedisLedger(client, clock=MonotonicClock(), chance=lambda: 0.5, settings=settings)
    try:
        yield ledger, client
    finally:
        await ledger.aclose()
        await client.aclose()


async def left_of(ledger: RedisLedger, name: str) -> int | None:
    """Say what is left of the budget, by a hold of nothing."""
    return (await ledger.hold(a_hold(name, BUDGET_100, 0))).budget_left_usd_nano


async def test_a_server_that_lost_its_scripts_is_given_them_again(server: RedisServer) -> None:
    async with worker(server) as (ledger, client):
        hold = a_hold("one", BUDGET_100, 60)
        await ledger.hold(hold)
        await client.call("SCRIPT", "FLUSH", timeout_s=PATIENT_S)
        assert (await ledger.hold(a_hold("two", BUDGET_100, 40))).is_granted
        await ledger.settle(a_settlement(hold, 10))
        assert await left_of(ledger, "three") == 50


async def test_a_frozen_server_fails_a_hold_in_time(server: RedisServer) -> None:
    async with worker(server, RedisLedgerSettings(), open_s=60.0) as (ledger, client):
        await client.call("PING", timeout_s=PATIENT_S)
        server.freeze()
        for number in range(5):
            started_s = time.monotonic()
            with pytest.raises(LedgerUnavailable):
                await ledger.hold(a_hold(str(number), BUDGET_100, 1))
            assert time.monotonic() - started_s < REQUEST_GUARD_S
        assert (client.stats()["timeouts"], client.stats()["refused_while_open"]) == (3, 2)
        assert ledger.stats()["unavailable"] == 5


async def test_a_request_that_cannot_wait_as_long_is_told_in_its_own_time(server: RedisServer) -> None:
    async with worker(server, open_s=60.0) as (ledger, client):
        await client.call("PING", timeout_s=PATIENT_S)
        server.freeze()
        started_s = time.monotonic()
        with pytest.raises(LedgerUnavailable):
            await ledger.hold(replace(a_hold("one", BUDGET_100, 1), within_s=0.005))
        assert time.monotonic() - started_s < REQUEST_GUARD_S < PATIENT_S


async def test_a_hold_whose_answer_was_lost_can_be_repeated_and_holds_once(server: RedisServer) -> None:
    async with worker(server, RedisLedgerSettings(rate_window_s=AGES_S)) as (hasty, hasty_client):
        await hasty_client.call("PING", timeout_s=PATIENT_S)
        hold = a_hold("one", BUDGET_100, 60)
        server.freeze()
        with pytest.raises(LedgerUnavailable):
            await hasty.hold(hold)
        server.thaw()
        async with worker(server) as (patient, _):
            assert (await patient.hold(hold)).is_granted
            assert await left_of(patient, "two") == 40


async def test_a_settlement_that_failed_is_repeated_until_it_is_taken_and_posts_once(server: RedisServer) -> None:
    hasty = replace(QUICK, settle_timeout_s=0.005)
    async with worker(server, hasty) as (ledger, client), worker(server) as (other, _):
        hold = a_hold("one", BUDGET_100, 60)
        await ledger.hold(hold)
        server.freeze()
        await ledger.settle(a_settlement(hold, 25))
        await eventually(lambda: client.stats()["timeouts"] != 0)
        assert ledger.stats()["settles_waiting"] == 1
        server.thaw()
        await eventually(lambda: ledger.stats()["settles_retried"] == 1)
        assert await left_of(other, "two") == 75


async def test_settlements_wait_for_a_killed_server_and_are_posted_to_the_next(server: RedisServer) -> None:
    async with worker(server) as (ledger, client):
        holds = [a_hold(str(number), BUDGET_100, 10) for number in range(5)]
        for hold in holds:
            await ledger.hold(hold)
        server.kill()
        await open_breaker(client)
        for hold in holds:
            await ledger.settle(a_settlement(hold, 3))
        assert ledger.stats()["settles_waiting"] == 5
        server.start()
        await eventually(lambda: ledger.stats()["settles_waiting"] == 0)
        # The new server knows of no hold, and the spend is real.
        assert ledger.stats()["unheld"] == 5
        assert await left_of(ledger, "after") == 85


async def test_closing_posts_the_settlements_that_wait(server: RedisServer) -> None:
    slow = replace(PATIENT, settle_timeout_s=0.005, retries=SettleRetrySettings(wait_s=60.0, close_s=PATIENT_S))
    async with worker(server) as (other, _):
        async with worker(server, slow) as (ledger, client):
            hold = a_hold("one", BUDGET_100, 60)
            await ledger.hold(hold)
            server.freeze()
            await ledger.settle(a_settlement(hold, 25))
            server.thaw()
            await client.call("PING", timeout_s=PATIENT_S)
        assert ledger.stats()["settles_lost"] == 0
        assert await left_of(other, "two") == 75


async def test_settlements_left_at_the_end_are_counted_as_lost(server: RedisServer) -> None:
    async with worker(server, open_s=60.0) as (ledger, client):
        await client.call("PING", timeout_s=PATIENT_S)
        server.kill()
        await open_breaker(client)
        await ledger.settle(a_settlement(a_hold("one", BUDGET_100), 1))
    assert (ledger.stats()["settles_lost"], ledger.stats()["settles_waiting"]) == (1, 0)


async def test_a_full_queue_of_settlements_says_so(server: RedisServer) -> None:
    settings = replace(QUICK, retries=SettleRetrySettings(queue_max=2, wait_s=60.0))
    async with worker(server, settings, open_s=60.0) as (ledger, client):
        await client.call("PING", timeout_s=PATIENT_S)
        server.kill()
        await open_breaker(client)
        for number in range(2):
            await ledger.settle(a_settlement(a_hold(str(number), BUDGET_100), 1))
        with pytest.raises(LedgerUnavailable, match="too many settlements"):
            await ledger.settle(a_settlement(a_hold("three", BUDGET_100), 1))
        assert ledger.stats()["settles_lost"] == 1


async def test_settlements_too_old_to_repeat_are_given_up(server: RedisServer) -> None:
    settings = replace(QUICK, retries=replace(QUICK.retries, age_s_max=-1.0))
    async with worker(server, settings, open_s=60.0) as (ledger, client):
        await client.call("PING", timeout_s=PATIENT_S)
        server.kill()
        await open_breaker(client)
        await ledger.settle(a_settlement(a_hold("one", BUDGET_100), 1))
        await eventually(lambda: ledger.stats()["settles_lost"] == 1)


async def test_a_server_of_read_only_replicas_is_unavailable(server: RedisServer) -> None:
    async with worker(server, open_s=60.0) as (ledger, client):
        await client.call("REPLICAOF", "127.0.0.1", 1, timeout_s=PATIENT_S)
        with pytest.raises(LedgerUnavailable, match="READONLY"):
            await ledger.hold(a_hold("one", BUDGET_100, 1))


async def test_a_server_without_memory_is_unavailable(server: RedisServer) -> None:
    async with worker(server) as (ledger, client):
        await client.call("CONFIG", "SET", "maxmemory", 1, timeout_s=PATIENT_S)
        with pytest.raises(LedgerUnavailable, match="OOM"):
            await ledger.hold(a_hold("one", BUDGET_100, 1))


async def test_an_answer_that_the_script_never_gives_is_no_verdict() -> None:
    async with (
        scripted_listener(b"+PONG\r\n", b"+OK\r\n") as (host, port),
        worker(RedisTarget(host=host, port=port)) as (ledger, _),
    ):
        with pytest.raises(LedgerUnavailable, match="never says"):
            await ledger.hold(a_hold("one", BUDGET_100, 1))


async def test_the_verdict_on_another_request_is_none_and_ends_the_connection() -> None:
    verdict = encoded([b"", b"0", b"40", f"{tenant_prefix(TENANT)}l:r:another".encode()])
    async with (
        scripted_listener(b"+PONG\r\n", verdict) as (host, port),
        worker(RedisTarget(host=host, port=port)) as (ledger, client),
    ):
        with pytest.raises(LedgerUnavailable, match="never says of this request"):
            await ledger.hold(a_hold("one", BUDGET_100, 1))
        assert client.stats()["state"] == "idle"
        assert ledger.stats()["mismatches"] == 1


@pytest.mark.parametrize(
    "reply",
    [encoded([b"posted", f"{tenant_prefix(TENANT)}l:r:another".encode()]), encoded(b"\xff\xfe a cached answer")],
    ids=["of another settlement", "of a read"],
)
async def test_a_settlement_that_another_answer_came_for_is_repeated(reply: bytes) -> None:
    async with (
        scripted_listener(b"+PONG\r\n", reply) as (host, port),
        worker(RedisTarget(host=host, port=port)) as (ledger, client),
    ):
        await ledger.settle(a_settlement(a_hold("one", BUDGET_100, 1), 1))
        assert (ledger.stats()["settles_waiting"], ledger.stats()["posted"]) == (1, 0)
        assert client.stats()["state"] == "idle"


async def test_a_call_releases_a_bounded_number_of_expired_holds(server: RedisServer) -> None:
    async with worker(server, replace(QUICK, release_max=0)) as (careless, _):
        for number in range(3):
            await careless.hold(a_hold(str(number), BUDGET_100, 20, expires_s=0.0))
    async with worker(server, replace(QUICK, release_max=2)) as (ledger, _):
        assert await left_of(ledger, "after one call") == 80
        assert await left_of(ledger, "after two calls") == 100


async def test_a_refusal_says_when_its_window_turns(server: RedisServer) -> None:
    async with worker(server, replace(QUICK, rate_window_s=60)) as (ledger, _):
        minute = Allowance(requests_per_minute=0)
        assert 0 < (await ledger.hold(a_hold("one", minute))).retry_after_s <= 60
        day = Allowance(budget_usd_nano=0)
        assert 0 < (await ledger.hold(a_hold("two", day, 1))).retry_after_s <= 86_400


async def test_a_charge_with_which_the_books_begin_lasts_as_long_as_its_window(server: RedisServer) -> None:
    async with worker(server) as (ledger, client):
        day = an_allowance(budget=100, window_s=86_400)
        time_there = await client.call("TIME", timeout_s=PATIENT_S)
        assert isinstance(time_there, list)
        assert isinstance(time_there[0], bytes)
        now_s = int(time_there[0])
        await ledger.settle(a_settlement(a_hold("made before the books were lost", day, 50), 30))
        window = f"{tenant_prefix(TENANT)}l:b:86400:{now_s - now_s % 86_400}"
        lasts_ms = await client.call("PTTL", window, timeout_s=PATIENT_S)
        assert isinstance(lasts_ms, int)
        assert lasts_ms == pytest.approx((86_400 - now_s % 86_400 + QUICK.record_kept_s) * 1e3, abs=PATIENT_S * 1e3)


async def test_every_key_ends_by_itself_and_lies_in_the_tenants_slot(server: RedisServer) -> None:
    allowance = an_allowance(budget=100, requests=10, tokens=1_000)
    async with worker(server) as (ledger, client):
        settled, refused = a_hold("settled", allowance, 10), a_hold("refused", allowance, 1_000)
        for hold in (settled, refused, a_hold("open", allowance, 10, tokens=5)):
            await ledger.hold(hold)
        await ledger.settle(a_settlement(settled, 5))
        await ledger.settle(a_settlement(a_hold("unheld", an_allowance(budget=100, window_s=60)), 5))
        keys = await client.call("KEYS", "*", timeout_s=PATIENT_S)
        assert isinstance(keys, list)
        assert len(keys) == 8
        for key in keys:
            assert isinstance(key, bytes)
            assert key.startswith(f"{tenant_prefix(TENANT)}l:".encode())
            lasts_ms = await client.call("PTTL", key, timeout_s=PATIENT_S)
            assert isinstance(lasts_ms, int)
            assert lasts_ms > 0
