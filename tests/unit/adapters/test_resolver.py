"""Names are looked up once for all who ask, and their last addresses stand in for an answer that does not come."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Event
from threading import enumerate as enumerate_threads
from typing import Any

import pytest

from gateway.adapters.resolver import AT_ONCE_MAX, FRESH_S, LAST_GOOD_S, Resolver, is_address, look_up_in_thread
from gateway.adapters.upstream_shortage import is_own_shortage
from tests.support.clocks import ManualClock
from tests.support.names import Names
from tests.support.scarcity import no_more_files, no_more_threads
from tests.support.waiting import answered, eventually

HOST = "model.test"
ONE, TWO = ("10.0.0.1",), ("10.0.0.2", "fd00::2")


class World:
    """A resolver, its clock, and the names that it asks for."""

    def __init__(self) -> None:
        self.clock, self.names = ManualClock(), Names({HOST: ONE})
        self.resolver = Resolver(self.names.look_up, now_s=self.clock.now_s, patience_s=0.0)

    async def ask(self) -> tuple[str, ...]:
        return await self.resolver.addresses(HOST)

    async def ask_later(self, after_s: float) -> tuple[str, ...]:
        """Ask, and once more when what that began is over: the answer that then counts."""
        self.clock.advance(after_s)
        await self.ask()
        await asyncio.sleep(0)
        return await self.ask()


@asynccontextmanager
async def hanging(world: World, host: str = HOST) -> AsyncIterator[asyncio.Event]:
    """Let the system not answer for that name."""
    world.names.held[host] = asyncio.Event()
    try:
        yield world.names.held[host]
    finally:
        await world.resolver.aclose()


async def test_all_who_ask_at_the_same_time_share_one_look_up() -> None:
    world = World()
    assert await asyncio.gather(*[world.ask() for _ in range(200)]) == [ONE] * 200
    assert world.names.asked == [HOST]


async def test_an_answer_is_used_for_a_while_and_then_a_change_is_seen() -> None:
    world = World()
    await world.ask()
    world.names.known[HOST] = TWO
    world.clock.advance(FRESH_S - 0.1)
    assert await world.ask() == ONE
    assert await world.ask_later(0.2) == TWO
    assert len(world.names.asked) == 2


async def test_a_name_that_is_gone_leads_to_its_last_good_address_for_a_minute() -> None:
    world = World()
    await world.ask()
    world.names.known.clear()
    assert await world.ask_later(LAST_GOOD_S - 1.0) == ONE
    world.clock.advance(1.1)
    with pytest.raises(OSError, match="not known"):
        await world.ask()
    world.names.known[HOST] = TWO
    assert await world.ask() == TWO


async def test_a_look_up_that_hangs_is_waited_for_by_nobody_who_knows_an_address_and_never_doubled() -> None:
    world = World()
    await world.ask()
    async with hanging(world) as released:
        for _ in range(50):
            assert await world.ask_later(1.0) == ONE
        assert len(world.names.asked) == 2
        world.names.known[HOST] = TWO
        released.set()
        await answered(world.ask, lambda found: found == TWO)


async def test_whoever_knows_no_address_waits_as_long_as_it_likes_and_leaves_the_look_up_to_others() -> None:
    world = World()
    async with hanging(world) as released:
        impatient, patient = asyncio.create_task(world.ask()), asyncio.create_task(world.ask())
        await eventually(lambda: world.names.asked)
        impatient.cancel()
        await asyncio.wait([impatient])
        released.set()
        assert await patient == ONE
    assert world.names.asked == [HOST]


async def test_no_more_than_so_many_names_are_looked_up_at_once_and_that_is_our_own_shortage() -> None:
    world = World()
    asking = []
    for number in range(AT_ONCE_MAX):
        world.names.held[f"hangs-{number}.test"] = asyncio.Event()
        asking.append(asyncio.create_task(world.resolver.addresses(f"hangs-{number}.test")))
    await eventually(lambda: len(world.names.asked) == AT_ONCE_MAX)
    with pytest.raises(OSError, match="looked up") as raised:
        await world.ask()
    assert is_own_shortage(raised.value)
    for released in world.names.held.values():
        released.set()
    await asyncio.gather(*asking, return_exceptions=True)
    assert await world.ask() == ONE


async def test_a_name_that_leads_nowhere_is_an_error() -> None:
    world = World()
    world.names.known[HOST] = ()
    with pytest.raises(OSError, match="nowhere"):
        await world.ask()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%eth0"])
async def test_an_address_is_not_looked_up(host: str) -> None:
    world = World()
    assert await world.resolver.addresses(host) == (host,)
    assert (world.names.asked, is_address(host), is_address(HOST)) == ([], True, False)


async def test_the_system_is_asked_in_a_thread() -> None:
    assert {"127.0.0.1", "::1"} & set(await look_up_in_thread("localhost"))
    resolver = Resolver()
    assert await resolver.addresses("localhost")
    await resolver.aclose()


async def test_what_the_system_does_not_know_and_what_is_no_name_are_errors() -> None:
    def unknown(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(socket.gaierror):
        await look_up_in_thread(HOST, unknown)
    with pytest.raises(OSError, match="no name"):
        await look_up_in_thread("x" * 70 + ".test")

    def broken(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with pytest.raises(OSError, match="memory"):
        await look_up_in_thread(HOST, broken)


async def test_a_name_that_cannot_be_looked_up_for_want_of_a_file_is_our_own_shortage() -> None:
    def temporarily(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with no_more_files(), pytest.raises(OSError, match="Too many open files") as raised:
        await look_up_in_thread(HOST, temporarily)
    assert is_own_shortage(raised.value)


async def test_a_name_that_cannot_be_looked_up_for_want_of_a_thread_is_our_own_shortage() -> None:
    with no_more_threads(), pytest.raises(OSError, match="no thread") as raised:
        await look_up_in_thread(HOST)
    assert is_own_shortage(raised.value)


def test_a_look_up_that_outlives_the_event_loop_troubles_nobody() -> None:
    released = Event()

    def slow(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        assert released.wait(10.0)
        return [(socket.AF_INET, 1, 6, "", ("10.0.0.1", 0))]

    async def give_up() -> None:
        looking = asyncio.create_task(look_up_in_thread(HOST, slow))
        await asyncio.sleep(0)
        looking.cancel()
        await asyncio.wait([looking])

    asyncio.run(give_up())
    (thread,) = [thread for thread in enumerate_threads() if HOST in thread.name]
    released.set()
    thread.join(10.0)
    assert not thread.is_alive()
