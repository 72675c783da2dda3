"""Scoring a share of each turn of the event loop."""

import asyncio

from gateway.adapters.scorer_turns import BUSY_S, WOKEN, Turns
from tests.support.clocks import ManualClock


class Crowd:
    """Requests that each take a while, and the turn of the event loop in which each went on."""

    def __init__(self, takes_s: float, then_s: float | None = None) -> None:
        self.clock = ManualClock()
        self.turns = Turns(self.clock)
        self.takes_s = takes_s
        self.then_s = takes_s if then_s is None else then_s
        self.turn = 0
        self.went_on: list[tuple[int, int]] = []
        self.done = False

    async def one(self, number: int) -> None:
        if (turn := self.turns.enter()) is not None:
            await turn
        self.went_on.append((number, self.turn))
        self.clock.advance(self.takes_s)
        self.takes_s = self.then_s

    async def count_turns(self) -> None:
        while not self.done:
            self.turn += 1
            await asyncio.sleep(0)

    async def come(self, requests: int) -> None:
        counting = asyncio.create_task(self.count_turns())
        await asyncio.gather(*(self.one(number) for number in range(requests)))
        self.done = True
        await counting

    def in_each_turn(self) -> list[int]:
        turns = [turn for _, turn in self.went_on]
        return [turns.count(turn) for turn in dict.fromkeys(turns)]


async def test_one_after_the_other_nobody_waits() -> None:
    crowd = Crowd(1.0)
    for _ in range(3):
        assert crowd.turns.enter() is None
        await asyncio.sleep(0)


async def test_a_few_quick_ones_share_a_turn() -> None:
    crowd = Crowd(BUSY_S / 10)
    await crowd.come(8)
    assert crowd.in_each_turn() == [8]


async def test_a_flood_is_spread_over_turns_in_the_order_in_which_it_came() -> None:
    crowd = Crowd(BUSY_S * 0.6)
    await crowd.come(100)
    first, *others = crowd.in_each_turn()
    assert first == 2
    assert max(others) <= WOKEN
    assert [number for number, _ in crowd.went_on] == list(range(100))


async def test_a_turn_takes_up_fewer_where_they_take_long_and_more_where_they_are_quick() -> None:
    slow = Crowd(BUSY_S * 0.6)
    await slow.come(40)
    assert slow.in_each_turn()[1:6] == [WOKEN, WOKEN // 2, WOKEN // 4, 1, 1]
    quick = Crowd(BUSY_S / 20)
    await quick.come(400)
    _, *others = quick.in_each_turn()
    assert others[:4] == [WOKEN, WOKEN + 1, WOKEN + 2, WOKEN + 3]
    assert max(others) <= 20, "more would take longer than a turn should"


async def test_however_quick_they_are_a_turn_ends() -> None:
    crowd = Crowd(2 * BUSY_S, then_s=0.0)
    await crowd.come(3_000)
    assert max(crowd.in_each_turn()) == 64


async def test_who_comes_later_waits_behind_those_who_wait() -> None:
    clock = ManualClock()
    turns = Turns(clock)
    assert turns.enter() is None
    clock.advance(2 * BUSY_S)
    first = turns.enter()
    assert first is not None
    clock.advance(-2 * BUSY_S)
    assert turns.enter() is not None
    await first


async def test_who_left_takes_no_place() -> None:
    clock = ManualClock()
    turns = Turns(clock)
    assert turns.enter() is None
    clock.advance(2 * BUSY_S)
    waiting = [turns.enter() for _ in range(WOKEN + 1)]
    for turn in waiting[:WOKEN]:
        assert turn is not None
        turn.cancel()
    last = waiting[-1]
    assert last is not None
    await asyncio.sleep(0)
    assert last.done()
