"""The pool of one origin, seen through the transport: reuse, expiry, limits, and standing in line."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import httpx
import pytest

from gateway.adapters.resolver import LAST_GOOD_S, Resolver
from gateway.adapters.upstream_lean import LeanTransport, TransportStats
from gateway.ports import OwnShortage, ready_request
from tests.support.behaviours import always
from tests.support.clocks import ManualClock
from tests.support.names import Names
from tests.support.networks import LeanNetwork, lean_network
from tests.support.scripts import Hold, Reply, Send
from tests.support.waiting import eventually


def held(release: asyncio.Event) -> Reply:
    return Reply(200, before=(Hold(release),), body=(Send(b"held"),))


@contextlib.contextmanager
def unanswering_listener() -> Iterator[httpx.URL]:
    """A port whose backlog is full: the kernel answers no further attempt to connect."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield httpx.URL(f"http://127.0.0.1:{listener.getsockname()[1]}/v1/chat/completions")


async def test_the_connection_used_last_is_used_first() -> None:
    async with lean_network() as net:
        gates = [asyncio.Event(), asyncio.Event()]
        net.plan.queue(lambda _: held(gates[0]), lambda _: held(gates[1]))
        first = asyncio.create_task(net.fetch())
        await eventually(lambda: len(net.requests) == 1)
        second = asyncio.create_task(net.fetch())
        await eventually(lambda: len(net.requests) == 2)
        gates[1].set()
        await second
        gates[0].set()
        await first
        await net.fetch()
        assert net.requests[2].connection == net.requests[0].connection
        assert net.stats() == TransportStats(opened=2, reused=1, open=2, idle=2, stale=0)


async def test_an_idle_connection_is_not_used_after_its_expiry() -> None:
    clock = ManualClock()
    async with lean_network(LeanTransport(idle_expiry_s=3.0, now_s=clock.now_s)) as net:
        await net.fetch()
        clock.advance(2.9)
        await net.fetch()
        clock.advance(3.0)
        await net.fetch()
        assert [seen.connection for seen in net.requests] == [1, 1, 2]


async def test_idle_connections_are_closed_without_another_request() -> None:
    async with lean_network(LeanTransport(idle_expiry_s=0.02)) as net:
        await asyncio.gather(*(net.fetch() for _ in range(3)))
        assert net.stats().idle == 3
        await eventually(lambda: net.stats().open == 0)
        await eventually(lambda: net.server.connections_open == 0)


@pytest.mark.parametrize(("jitter", "lasts_s"), [(-1, 240.0), (1, 360.0)])
async def test_a_connection_retires_at_its_age_within_a_fifth(jitter: int, lasts_s: float) -> None:
    clock = ManualClock()
    transport = LeanTransport(
        idle_expiry_s=1e9, max_age_s=300.0, now_s=clock.now_s, uniform=lambda low, high: low if jitter < 0 else high
    )
    async with lean_network(transport) as net:
        await net.fetch()
        clock.advance(lasts_s - 1.0)
        await net.fetch()
        clock.advance(1.0)
        await net.fetch()
        assert [seen.connection for seen in net.requests] == [1, 1, 2]


async def test_a_connection_too_old_at_the_end_of_its_answer_is_closed() -> None:
    clock = ManualClock()
    release = asyncio.Event()
    async with lean_network(LeanTransport(max_age_s=10.0, now_s=clock.now_s)) as net:
        net.plan.queue(lambda _: held(release))
        asking = asyncio.create_task(net.fetch())
        await eventually(lambda: net.requests)
        clock.advance(20.0)
        release.set()
        assert await asking == b"held"
        await net.fetch()
        assert [seen.connection for seen in net.requests] == [1, 2]


async def test_a_full_pool_is_a_pool_timeout() -> None:
    async with lean_network(LeanTransport(max_connections_per_origin=1, pool_timeout_s=0.02)) as net:
        asking = asyncio.create_task(net.ask("mute"))
        await eventually(lambda: net.requests)
        with pytest.raises(httpx.PoolTimeout, match="all 1 connections"):
            await net.ask()
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking


async def test_whoever_waits_gets_the_next_connection_that_is_free() -> None:
    async with lean_network(LeanTransport(max_connections_per_origin=1, pool_timeout_s=5.0)) as net:
        answers = await asyncio.gather(*(net.fetch() for _ in range(6)))
        assert all(b"Paris" in answer for answer in answers)
        assert net.stats() == TransportStats(opened=1, reused=5, open=1, idle=1, stale=0)


async def test_whoever_waits_gets_the_place_of_a_connection_that_was_lost() -> None:
    async with lean_network(LeanTransport(max_connections_per_origin=1, pool_timeout_s=5.0)) as net:
        asking = asyncio.create_task(net.ask("mute"))
        await eventually(lambda: net.requests)
        waiting = asyncio.create_task(net.fetch())
        await asyncio.sleep(0)
        asking.cancel()
        assert b"Paris" in await waiting
        assert [seen.connection for seen in net.requests] == [1, 2]


async def test_leaving_the_line_gives_back_a_connection_handed_over_in_the_same_turn() -> None:
    """The pool reads its clock right before it hands a connection over: that is where the cancel is put."""
    leaving: list[asyncio.Task[bytes]] = []

    def now_s() -> float:
        if leaving:
            asyncio.get_running_loop().call_soon(leaving.pop().cancel)
        return 0.0

    release = asyncio.Event()
    async with lean_network(LeanTransport(max_connections_per_origin=1, pool_timeout_s=5.0, now_s=now_s)) as net:
        net.plan.queue(always(held(release)))
        asking = asyncio.create_task(net.fetch())
        await eventually(lambda: net.requests)
        waiting = asyncio.create_task(net.fetch())
        await asyncio.sleep(0)
        leaving.append(waiting)
        release.set()
        assert await asking == b"held"
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert net.stats() == TransportStats(opened=1, reused=0, open=1, idle=1, stale=0)


async def test_leaving_the_line_gives_back_a_place_handed_over_in_the_same_turn() -> None:
    with unanswering_listener() as url:
        transport = LeanTransport(max_connections_per_origin=1, pool_timeout_s=5.0, connect_timeout_s=60.0)
        connecting = asyncio.create_task(transport.handle_async_request(ready_request(url, [], b"{}")))
        waiting = asyncio.create_task(transport.handle_async_request(ready_request(url, [], b"{}")))
        await asyncio.sleep(0)
        connecting.cancel()
        asyncio.get_running_loop().call_soon(waiting.cancel)
        for task in (connecting, waiting):
            with pytest.raises(asyncio.CancelledError):
                await task
        with pytest.raises(httpx.ConnectTimeout):  # and no PoolTimeout: the place is free
            await transport.handle_async_request(ready_request(url, [], b"{}", connect_timeout_s=0.03))
        await transport.aclose()


async def test_whoever_left_the_line_is_passed_over() -> None:
    async with lean_network(LeanTransport(max_connections_per_origin=1, pool_timeout_s=5.0)) as net:
        release = asyncio.Event()
        net.plan.queue(always(held(release)))
        asking = asyncio.create_task(net.fetch())
        await eventually(lambda: net.requests)
        leaving, staying = asyncio.create_task(net.fetch()), asyncio.create_task(net.fetch())
        await asyncio.sleep(0)
        leaving.cancel()
        release.set()
        assert await asking == b"held"
        assert b"Paris" in await staying
        assert leaving.cancelled()


async def test_a_closed_transport_connects_no_more() -> None:
    async with lean_network() as net:
        await net.fetch()
        await net.transport.aclose()
        with pytest.raises(httpx.ConnectError, match="closed as soon as it was opened"):
            await net.fetch()


async def test_idle_connections_expire_in_the_order_of_their_release() -> None:
    async with lean_network(LeanTransport(idle_expiry_s=0.03)) as net:
        release = asyncio.Event()
        net.plan.queue(always(held(release)))
        asking = asyncio.create_task(net.fetch())
        await eventually(lambda: net.requests)
        await net.fetch()
        release.set()
        await asking
        await eventually(lambda: net.stats().open == 0)


async def test_a_failed_connect_frees_its_place() -> None:
    async with lean_network(LeanTransport(max_connections_per_origin=1, pool_timeout_s=0.5)) as net:
        net.make_unreachable()
        for _ in range(3):
            with pytest.raises(httpx.ConnectError):
                await net.ask()


async def test_connecting_has_its_own_limit_and_a_request_may_set_it() -> None:
    with unanswering_listener() as url:
        transport = LeanTransport(connect_timeout_s=60.0)
        with pytest.raises(httpx.ConnectTimeout, match=r"within 0\.03 s"):
            await transport.handle_async_request(ready_request(url, [], b"{}", connect_timeout_s=0.03))
        await transport.aclose()


NAMED = "model.test"


def named(net: LeanNetwork) -> LeanNetwork:
    """Let the server be known by a name."""
    net.origin = net.origin.replace("127.0.0.1", NAMED)
    return net


async def test_a_kept_connection_asks_for_no_name() -> None:
    names = Names({NAMED: ("127.0.0.1",)})
    async with lean_network(LeanTransport(resolver=Resolver(names.look_up))) as net:
        named(net)
        for _ in range(5):
            await net.fetch()
        assert (names.asked, net.stats().opened) == ([NAMED], 1)


async def test_of_several_addresses_the_first_that_lets_us_connect_is_taken() -> None:
    names = Names({NAMED: ("127.0.0.2", "127.0.0.3", "127.0.0.1")})
    async with lean_network(LeanTransport(resolver=Resolver(names.look_up))) as net:
        assert b"Paris" in await named(net).fetch()


async def test_new_connections_go_to_where_a_name_leads_now() -> None:
    clock, names = ManualClock(), Names({NAMED: ("127.0.0.1",)})
    resolver = Resolver(names.look_up, now_s=clock.now_s)
    async with lean_network(LeanTransport(resolver=resolver, now_s=clock.now_s)) as net:
        await named(net).fetch()
        names.known[NAMED] = ("127.0.0.2",)
        clock.advance(2.0)
        await net.fetch()
        clock.advance(4.0)
        with pytest.raises(httpx.ConnectError):
            await net.fetch()


async def test_a_name_that_is_gone_is_served_for_a_minute_and_then_a_failure_before_anything_was_sent() -> None:
    clock, names = ManualClock(), Names({NAMED: ("127.0.0.1",)})
    resolver = Resolver(names.look_up, now_s=clock.now_s)
    async with lean_network(LeanTransport(resolver=resolver, now_s=clock.now_s)) as net:
        await named(net).fetch()
        names.known.clear()
        for _ in range(5):
            clock.advance(LAST_GOOD_S / 5)
            await net.fetch()
        clock.advance(4.0)
        with pytest.raises(httpx.ConnectError, match="Name or service not known") as raised:
            await net.fetch()
        assert not isinstance(raised.value, OwnShortage)


async def test_a_look_up_that_hangs_costs_the_limit_of_connecting_and_is_not_begun_again() -> None:
    names = Names()
    names.held[NAMED] = asyncio.Event()
    async with lean_network(LeanTransport(resolver=Resolver(names.look_up), connect_timeout_s=0.02)) as net:
        named(net)
        for _ in range(3):
            with pytest.raises(httpx.ConnectTimeout):
                await net.fetch()
        assert names.asked == [NAMED]
