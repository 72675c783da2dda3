"""Redis hangs, pauses, forgets its scripts, and dies, with traffic going on: who does not need it does not notice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.books import forget_scripts, pause_redis, read_books
from tests.chaos.clients import RawCall
from tests.chaos.history import End, History, now_s
from tests.chaos.marked_server import Order
from tests.chaos.rig import marked_server
from tests.chaos.stage import Stage, running_stage
from tests.support.networks import free_port
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import answered, eventually

TOKENS = 5
PAUSE_S = 1.0
ROUNDS = 6
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class World:
    """What runs."""

    stage: Stage
    redis: RedisServer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("redis-loss")
    actors = {name: marked_server(name, free_port(), folder) for name in ("first", "second")}
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis())
        variables = {"TIERGATE_REDIS_URL": redis.url, "TIERGATE_CACHE_SECRET": "a secret of all its workers"}
        yield World(stack.enter_context(running_stage(folder, actors, "marked", variables=variables)), redis)


@pytest.fixture
def asker(world: World, tmp_path: Path) -> Iterator["Asker"]:
    with History(tmp_path / "history") as history:
        yield Asker(world.stage, history)


class Asker:
    """Asks one tenant's questions."""

    def __init__(self, stage: Stage, history: History) -> None:
        self._port = stage.gateway.port
        self._history = history
        self._number = 0

    async def end(self, tenant: str) -> tuple[End, str | None]:
        """Ask, and return how it ended and with which code."""
        self._number += 1
        order = Order(self._number, TOKENS, 0, 0)
        call = RawCall(order, "first", tenant, stream=True, port=self._port, history=self._history, patience_s=20.0)
        await call.run()
        assert call.ending is not None
        return call.ending.end, call.ending.code

    async def served_again(self, tenant: str) -> None:
        """Return once the tenant is served."""
        await answered(lambda: self.end(tenant), lambda end: end == (End.DONE, None), within_s=20.0)


async def lose(redis: RedisServer) -> Callable[[], Awaitable[None]]:
    redis.freeze()

    async def back() -> None:
        redis.thaw()

    return back


async def kill(redis: RedisServer) -> Callable[[], Awaitable[None]]:
    redis.kill()

    async def back() -> None:
        redis.start()

    return back


async def pause(redis: RedisServer) -> Callable[[], Awaitable[None]]:
    pause_redis(redis, PAUSE_S)

    async def back() -> None:
        """It comes back by itself."""

    return back


@pytest.mark.parametrize("strike", [lose, kill, pause])
async def test_while_redis_is_away_only_budgets_are_refused_and_afterwards_nobody_is(
    world: World, asker: Asker, strike: Callable[[RedisServer], Awaitable[Callable[[], Awaitable[None]]]]
) -> None:
    await asker.served_again("rich")
    back = await strike(world.redis)
    try:
        for _ in range(ROUNDS):
            free = await asyncio.gather(*(asker.end("free") for _ in range(AT_ONCE)))
            assert set(free) == {(End.DONE, None)}
            assert await asker.end("rich") in {(End.DONE, None), (End.ERROR, "ledger_unavailable")}
    finally:
        await back()
    await asker.served_again("rich")

    def are_balanced() -> bool:
        books = read_books(world.redis, now_s())
        settled = books.posted_usd_nano == books.charged_usd_nano > 0
        return settled and books.held_usd_nano == books.open_usd_nano == 0

    await eventually(are_balanced, within_s=10.0)


async def test_scripts_that_redis_forgot_are_loaded_again_within_the_same_request(world: World, asker: Asker) -> None:
    await asker.served_again("rich")
    for _ in range(ROUNDS):
        forget_scripts(world.redis)
        assert await asker.end("rich") == (End.DONE, None)
