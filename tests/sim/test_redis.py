"""The Redis of a run does what the case says, and gateways get through all of it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeAlias

import pytest

from gateway.adapters.redis_breaker import BreakerSettings
from gateway.adapters.redis_link import RedisRefused, RedisUnavailable, Reply
from gateway.adapters.redis_script import RedisScript
from gateway.adapters.redis_target import RedisTarget
from gateway.adapters.redis_turn import TurnClient, TurnSettings
from tests.sim.history import History
from tests.sim.loop import VirtualLoop, run_virtual
from tests.sim.redis import HOST, SimRedis
from tests.sim.redis_case import Redis, RedisFault, RedisTrouble
from tests.sim.stage import SimClock

WAY_S = 0.001
PATIENCE_S = 0.05
Told: TypeAlias = "list[Reply | str]"
Act = Callable[[TurnClient, "Seen"], Awaitable[None]]


class Seen:
    """What a client was told, and what the server met and did."""

    def __init__(self, redis: SimRedis, met: Counter[str], history: History) -> None:
        self.redis = redis
        self.met = met
        self.history = history
        self.told: Told = []

    async def ask(self, client: TurnClient, *command: str | int, timeout_s: float = PATIENCE_S) -> None:
        """Keep the answer, the code of the error, or that there was none."""
        try:
            self.told.append(await client.call(*command, timeout_s=timeout_s))
        except RedisRefused as error:
            self.told.append(error.code)
        except RedisUnavailable:
            self.told.append("nothing")


def acted(act: Act, *faults: RedisFault, chance: Random | None = None) -> Seen:
    """Let a client act on a Redis with these troubles, and see that nothing is left of it."""
    loop = VirtualLoop(chance)
    history, met, seen = History(loop.time), Counter[str](), list[Seen]()

    async def main() -> None:
        clock = SimClock(loop)
        case = Redis(way_s=WAY_S, faults=faults)
        redis = SimRedis(case, 1, loop, clock.wall_s, history, lambda kind, phase: met.update([f"{kind} × {phase}"]))
        loop.hosts[HOST] = redis
        seen.append(Seen(redis, met, history))
        settings = TurnSettings(breaker=BreakerSettings(failures=2))
        client = TurnClient(RedisTarget(host=HOST), clock=clock, chance=lambda: 0.5, settings=settings)
        await act(client, seen[0])
        await client.aclose()
        await passes(60.0)
        assert redis.connections == []
        assert loop.timers() == []

    run_virtual(main(), loop)
    assert loop.trouble == []
    return seen[0]


async def passes(seconds: float) -> None:
    """Let virtual time pass."""
    await asyncio.sleep(seconds)


async def sets_and_reads(client: TurnClient, seen: Seen) -> None:
    """Connect, and half a second later write and read what was written."""
    await seen.ask(client, "PING")
    await passes(0.5)
    await seen.ask(client, "SET", "key", "a value", "PX", 10_000)
    await seen.ask(client, "GETRANGE", "key", 0, 99)


def lasting(kind: RedisTrouble, *, late_s: float = 0.0, from_s: float = 0.4) -> RedisFault:
    """A trouble that comes behind the connecting and lasts a second."""
    return RedisFault(kind, from_s, from_s + 1.0, late_s=late_s)


def test_what_is_written_is_read_and_each_way_takes_its_time() -> None:
    took_s: list[float] = []

    async def act(client: TurnClient, seen: Seen) -> None:
        await sets_and_reads(client, seen)
        began_s = asyncio.get_running_loop().time()
        await seen.ask(client, "EXISTS", "key")
        took_s.append(asyncio.get_running_loop().time() - began_s)
        await passes(10.0)
        await seen.ask(client, "EXISTS", "key")

    seen = acted(act)
    assert seen.told == [b"PONG", b"OK", b"a value", 1, 0]
    assert took_s == [pytest.approx(2 * WAY_S, rel=0.01)]
    assert "1: SET key -> OK" in "\n".join(seen.history.lines())


@pytest.mark.parametrize(
    ("fault", "told", "met"),
    [
        (lasting(RedisTrouble.DOWN), ["nothing", "nothing"], "redis_down × connect"),
        (lasting(RedisTrouble.HOLE), ["nothing", "nothing"], "redis_hole × write"),
        (lasting(RedisTrouble.FROZEN), ["nothing", "nothing"], "redis_frozen × write"),
        (lasting(RedisTrouble.SLOW, late_s=PATIENCE_S), ["nothing", "nothing"], "redis_slow × write"),
        (lasting(RedisTrouble.SLOW, late_s=PATIENCE_S - 3 * WAY_S), [b"OK", b"a value"], "redis_slow × read"),
        (lasting(RedisTrouble.RESET_UNREAD), ["nothing", "nothing"], "redis_reset_unread × write"),
        (lasting(RedisTrouble.RESET_UNTOLD), ["nothing", "nothing"], "redis_reset_untold × write"),
        (lasting(RedisTrouble.RESET_WITHIN), ["nothing", "nothing"], "redis_reset_within × write"),
        (lasting(RedisTrouble.RESET_BEHIND), [b"OK", "nothing"], "redis_reset_behind × write"),
        (lasting(RedisTrouble.RESTART), ["nothing", "nothing"], "redis_restart × connected"),
        (lasting(RedisTrouble.LOSS), ["nothing", "nothing"], "redis_loss × connected"),
        (lasting(RedisTrouble.LOADING), ["LOADING", "nothing"], "redis_loading × write"),
        (lasting(RedisTrouble.READONLY), ["READONLY", b""], "redis_readonly × write"),
        (lasting(RedisTrouble.FULL), ["OOM", b""], "redis_full × write"),
        (lasting(RedisTrouble.SPLIT), [b"OK", b"a value"], "redis_split × read"),
        (lasting(RedisTrouble.MIXED_UP), [b"PONG", b"PONG"], "redis_mixed_up × write"),
    ],
    ids=lambda value: value.kind.value if isinstance(value, RedisFault) else "",
)
def test_a_trouble_is_felt_while_it_lasts_and_not_afterwards(fault: RedisFault, told: Told, met: str) -> None:
    async def act(client: TurnClient, seen: Seen) -> None:
        await sets_and_reads(client, seen)
        await passes(3.0)
        for _ in range(2):
            await seen.ask(client, "SET", "key", "another", "PX", 10_000)
        await seen.ask(client, "GETRANGE", "key", 0, 99)

    seen = acted(act, fault)
    assert seen.told[1:3] == told
    assert seen.told[-1] == b"another"
    assert seen.met[met]


@pytest.mark.parametrize(
    ("kind", "is_done"),
    [
        (RedisTrouble.HOLE, False),
        (RedisTrouble.FROZEN, True),
        (RedisTrouble.RESET_UNREAD, False),
        (RedisTrouble.RESET_UNTOLD, True),
        (RedisTrouble.RESET_WITHIN, True),
    ],
)
def test_what_nobody_hears_of_may_have_been_done(kind: RedisTrouble, *, is_done: bool) -> None:
    async def act(client: TurnClient, seen: Seen) -> None:
        await seen.ask(client, "PING")
        await passes(0.5)
        await seen.ask(client, "SET", "key", "a value")
        await passes(3.0)

    seen = acted(act, lasting(kind))
    assert seen.told == [b"PONG", "nothing"]
    assert seen.redis.memory.keys.exists(b"key") == is_done


@pytest.mark.parametrize(
    ("kind", "keeps"), [(RedisTrouble.RESTART, True), (RedisTrouble.LOSS, False), (RedisTrouble.FORGETS, True)]
)
def test_scripts_are_forgotten_and_data_only_with_a_loss(kind: RedisTrouble, *, keeps: bool) -> None:
    script = RedisScript("settle")

    async def act(client: TurnClient, seen: Seen) -> None:
        for _ in range(2):
            keys = ("record", "holds")
            seen.told.append(await script.run(client, keys, ("prefix:", 5, 1, 60, 900_000), PATIENCE_S))
            await seen.ask(client, "SET", "key", "a value")
            await passes(3.0)
        seen.told.append(await script.run(client, ("r2", "holds"), ("prefix:", 5, 1, 60, 900_000), PATIENCE_S))

    fault = RedisFault(kind, 1.0, 1.5)
    seen = acted(act, fault)
    assert (seen.told[0], seen.told[2]) == ([b"unheld", b"record"], [b"repeated" if keeps else b"unheld", b"record"])
    assert seen.met[f"{kind} × settle"] == 1, "it was given the script again once"


def test_a_clock_that_goes_wrong_ends_what_it_says_is_over() -> None:
    async def act(client: TurnClient, seen: Seen) -> None:
        await sets_and_reads(client, seen)
        await passes(1.0)
        await seen.ask(client, "EXISTS", "key")

    fault = RedisFault(RedisTrouble.CLOCK, 1.0, 1e6, ahead_s=61.0)
    assert acted(act, fault).told[-1] == 0


def test_a_connection_is_neither_taken_nor_refused_over_a_hole() -> None:
    async def act(client: TurnClient, seen: Seen) -> None:
        await seen.ask(client, "PING", timeout_s=2.0)
        await passes(5.0)
        await seen.ask(client, "PING", timeout_s=2.0)

    seen = acted(act, RedisFault(RedisTrouble.HOLE, 0.0, 3.0))
    assert seen.told == ["nothing", b"PONG"]
    assert seen.met["redis_hole × connect"] == 1


@pytest.mark.parametrize("seed", range(5))
def test_pieces_keep_their_order_whatever_is_done_first_at_one_instant(seed: int) -> None:
    async def act(client: TurnClient, seen: Seen) -> None:
        await seen.ask(client, "PING")
        calls = [client.call("SET", f"key {n}", f"{n}" * 50, timeout_s=1.0) for n in range(5)]
        calls += [client.call("GETRANGE", f"key {n}", 0, 99, timeout_s=1.0) for n in range(5)]
        seen.told += await asyncio.gather(*calls)

    seen = acted(act, RedisFault(RedisTrouble.SPLIT, 0.0, 9.0), chance=Random(seed))
    assert seen.told == [b"PONG", *[b"OK"] * 5, *[f"{n}".encode() * 50 for n in range(5)]]


def test_a_command_that_gateways_do_not_send_is_noted() -> None:
    async def act(client: TurnClient, seen: Seen) -> None:
        await seen.ask(client, "BLPOP", "key", 0)

    seen = acted(act)
    assert seen.told == ["ERR"]
    assert seen.redis.memory.unknown == ["BLPOP"]


def _virtual() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop
