"""One connection, one write a turn, no call beyond its deadline: on a real server, which is also frozen and killed."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.adapters.redis_link import RedisRefused, RedisUnavailable
from gateway.adapters.redis_target import RedisTarget, read_target
from gateway.adapters.redis_turn import TurnClient, TurnSettings
from tests.support.redis_server import (
    PATIENT_S,
    MonotonicClock,
    RedisServer,
    client_of,
    closing,
    open_breaker,
    running_redis,
    scripted_listener,
)
from tests.support.waiting import eventually

SHORT_S = 0.005
GUARD_S = 1.0
"""What a call may take on a busy machine before a bound of milliseconds is called broken."""


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


async def failure_of(client: TurnClient, timeout_s: float = SHORT_S) -> RedisUnavailable:
    started_s = time.monotonic()
    with pytest.raises(RedisUnavailable) as caught:
        await client.call("GET", "key", timeout_s=timeout_s)
    assert time.monotonic() - started_s < GUARD_S
    return caught.value


async def test_a_reply_comes_back_to_the_call_it_answers(server: RedisServer) -> None:
    async with closing(client_of(server)) as client:
        assert await client.call("SET", "key", b"\x00value", timeout_s=PATIENT_S) == b"OK"
        replies = await asyncio.gather(
            client.call("GET", "key", timeout_s=PATIENT_S),
            client.call("GET", "absent", timeout_s=PATIENT_S),
            client.call("INCRBY", "number", 5, timeout_s=PATIENT_S),
            client.call("MGET", "key", "number", timeout_s=PATIENT_S),
        )
        assert list(replies) == [b"\x00value", None, 5, [b"\x00value", b"5"]]


async def test_the_calls_of_one_turn_are_one_write(server: RedisServer) -> None:
    async with closing(client_of(server)) as client:
        await client.call("PING", timeout_s=PATIENT_S)
        before = await commands_and_reads(client)
        await asyncio.gather(*(client.call("GET", "key", timeout_s=PATIENT_S) for _ in range(50)))
        after = await commands_and_reads(client)
        assert after[0] - before[0] >= 50
        assert after[1] - before[1] <= 5


async def commands_and_reads(client: TurnClient) -> tuple[int, int]:
    """Ask the server how many commands it carried out and how often it read from a socket."""
    text = await client.call("INFO", "stats", timeout_s=PATIENT_S)
    assert isinstance(text, bytes)
    fields = dict(line.split(b":", 1) for line in text.splitlines() if b":" in line)
    return int(fields[b"total_commands_processed"]), int(fields[b"total_reads_processed"])


async def test_an_error_reply_fails_its_own_call_alone(server: RedisServer) -> None:
    async with closing(client_of(server)) as client:
        refused = client.call("EVALSHA", "0" * 40, 0, timeout_s=PATIENT_S)
        answered = client.call("PING", timeout_s=PATIENT_S)
        with pytest.raises(RedisRefused) as caught:
            await refused
        assert caught.value.code == "NOSCRIPT"
        assert await answered == b"PONG"
        assert client.stats()["failures"] == 0


async def test_a_cancelled_call_leaves_the_others_their_replies(server: RedisServer) -> None:
    async with closing(client_of(server)) as client:
        first = client.call("ECHO", "first", timeout_s=PATIENT_S)
        second = client.call("ECHO", "second", timeout_s=PATIENT_S)
        first.cancel()
        assert await second == b"second"


async def test_a_frozen_server_costs_each_call_its_deadline_and_then_nothing(server: RedisServer) -> None:
    async with closing(client_of(server, open_s=60.0)) as client:
        await client.call("PING", timeout_s=PATIENT_S)
        server.freeze()
        for _ in range(3):
            assert "in time" in str(await failure_of(client))
        assert client.is_open
        assert "not asked" in str(await failure_of(client, timeout_s=60.0))
        stats = client.stats()
        assert (stats["timeouts"], stats["opens"], stats["refused_while_open"]) == (3, 1, 1)


class HeldClock(MonotonicClock):
    """The real clock, but for while it is held: what is done meanwhile is done at once, however busy the machine."""

    held_s: float | None = None

    def now_s(self) -> float:
        """Return the time, or when it was held."""
        return super().now_s() if self.held_s is None else self.held_s


async def test_many_calls_late_at_once_are_one_failure(server: RedisServer) -> None:
    clock = HeldClock()
    async with closing(client_of(server, open_s=60.0, clock=clock)) as client:
        await client.call("PING", timeout_s=PATIENT_S)
        server.freeze()
        clock.held_s = clock.now_s()
        calls = [client.call("PING", timeout_s=SHORT_S) for _ in range(20)]
        clock.held_s = None
        assert all(isinstance(r, RedisUnavailable) for r in await asyncio.gather(*calls, return_exceptions=True))
        assert not client.is_open
        assert client.stats()["failures"] == 1


async def test_what_this_process_takes_until_it_sends_a_call_is_not_the_servers_time(server: RedisServer) -> None:
    clock = HeldClock()
    async with closing(client_of(server, clock=clock)) as client, closing(client_of(server)) as other:
        for one in (client, other):
            await one.call("PING", timeout_s=PATIENT_S)
        server.freeze()
        clock.held_s = clock.now_s()
        call = client.call("PING", timeout_s=SHORT_S)
        clock.held_s += PATIENT_S
        assert "in time" in str(await failure_of(other, timeout_s=4 * SHORT_S))
        assert not call.done()
        server.thaw()
        assert await call == b"PONG"


async def test_a_short_deadline_is_kept_beside_a_long_one(server: RedisServer) -> None:
    async with closing(client_of(server)) as client:
        await client.call("PING", timeout_s=PATIENT_S)
        server.freeze()
        patient = client.call("PING", timeout_s=PATIENT_S)
        await failure_of(client)
        assert not patient.done()
        server.thaw()
        assert await patient == b"PONG"


async def test_a_late_reply_is_dropped_and_the_next_call_gets_its_own(server: RedisServer) -> None:
    async with closing(client_of(server)) as client:
        await client.call("PING", timeout_s=PATIENT_S)
        server.freeze()
        with pytest.raises(RedisUnavailable):
            await client.call("ECHO", "late", timeout_s=SHORT_S)
        server.thaw()
        assert await client.call("ECHO", "next", timeout_s=PATIENT_S) == b"next"


async def test_the_breaker_closes_by_itself_once_the_server_answers_again(server: RedisServer) -> None:
    async with closing(client_of(server, connect_s=0.05)) as client:
        await client.call("PING", timeout_s=PATIENT_S)
        server.freeze()
        await open_breaker(client)
        server.thaw()
        await eventually(lambda: not client.is_open)
        assert await client.call("PING", timeout_s=PATIENT_S) == b"PONG"


async def test_a_killed_server_fails_calls_at_once_and_its_restart_is_noticed_and_both_are_told_once(
    server: RedisServer,
) -> None:
    heard: list[str | None] = []
    async with closing(client_of(server, tell=heard.append)) as client:
        await client.call("PING", timeout_s=PATIENT_S)
        assert heard == []
        server.kill()
        await open_breaker(client)
        await eventually(lambda: client.stats()["opens"] != 1)
        server.start()
        await eventually(lambda: not client.is_open)
        assert await client.call("PING", timeout_s=PATIENT_S) == b"PONG"
        assert [trouble is None for trouble in heard] == [False, True]


async def test_a_connection_that_ends_while_idle_is_no_failure(server: RedisServer) -> None:
    async with closing(client_of(server)) as client:
        await client.call("PING", timeout_s=PATIENT_S)
        server.kill()
        server.start()
        await eventually(lambda: client.stats()["state"] == "idle")
        assert await client.call("PING", timeout_s=PATIENT_S) == b"PONG"
        assert client.stats()["failures"] == 0


async def test_a_server_that_was_never_there_opens_the_breaker(tmp_path: Path) -> None:
    async with closing(client_of(RedisTarget(path=str(tmp_path / "absent.sock")), open_s=60.0)) as client:
        for _ in range(3):
            assert "cannot connect" in str(await failure_of(client, timeout_s=PATIENT_S))
        assert client.is_open


async def test_a_refused_password_is_a_failure_with_a_reason(server: RedisServer) -> None:
    target = replace(read_target(server.url), password="wrong")
    async with closing(client_of(target, open_s=60.0)) as client:
        for _ in range(3):
            assert "AUTH" in str(await failure_of(client, timeout_s=PATIENT_S))
        assert client.is_open


async def test_the_greeting_chooses_the_database(server: RedisServer) -> None:
    first = client_of(server)
    async with closing(first), closing(client_of(replace(read_target(server.url), db=3))) as second:
        await second.call("SET", "key", "of-three", timeout_s=PATIENT_S)
        assert await first.call("GET", "key", timeout_s=PATIENT_S) is None
        assert await second.call("GET", "key", timeout_s=PATIENT_S) == b"of-three"


async def test_more_calls_than_may_wait_are_refused(server: RedisServer) -> None:
    settings = TurnSettings(connect_s=PATIENT_S, in_flight_max=2)
    client = TurnClient(read_target(server.url), clock=MonotonicClock(), chance=lambda: 0.5, settings=settings)
    async with closing(client):
        calls = [client.call("PING", timeout_s=PATIENT_S) for _ in range(2)]
        with pytest.raises(RedisUnavailable, match="2 calls are already waiting"):
            client.call("PING", timeout_s=PATIENT_S)
        assert await asyncio.gather(*calls) == [b"PONG", b"PONG"]


async def test_closing_fails_what_is_under_way_and_what_comes_later(server: RedisServer) -> None:
    client = client_of(server)
    await client.call("PING", timeout_s=PATIENT_S)
    server.freeze()
    waiting = client.call("PING", timeout_s=PATIENT_S)
    await asyncio.sleep(0)
    await client.aclose()
    with pytest.raises(RedisUnavailable):
        await waiting
    with pytest.raises(RedisUnavailable):
        client.call("PING", timeout_s=PATIENT_S)


async def test_closing_while_connecting_ends_the_attempt() -> None:
    async with scripted_listener() as (host, port):
        client = client_of(RedisTarget(host=host, port=port))
        waiting = client.call("PING", timeout_s=PATIENT_S)
        await eventually(lambda: client.stats()["connects"] == 1)
        await client.aclose()
        with pytest.raises(RedisUnavailable):
            await waiting


async def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    async with scripted_listener() as (host, port):
        client = client_of(RedisTarget(host=host, port=port), failures=1, open_s=60.0, connect_s=0.02)
        async with closing(client):
            assert "no connection within" in str(await failure_of(client, timeout_s=PATIENT_S))
