"""Virtual time passes only where nothing else can happen, and what can never happen is told."""

import asyncio
from random import Random

import pytest

from tests.sim.loop import HORIZON_S, START_S, Deadlock, Runaway, VirtualLoop, run_virtual


def test_an_hour_passes_at_once() -> None:
    loop = VirtualLoop()
    run_virtual(_sleeps(3_600.0), loop)
    assert loop.time() == pytest.approx(START_S + 3_600.0)


def test_what_is_due_first_happens_first() -> None:
    said: list[str] = []

    async def main() -> None:
        later = asyncio.create_task(_says(said, "later", 2.0))
        sooner = asyncio.create_task(_says(said, "sooner", 1.0))
        await asyncio.wait((later, sooner))

    run_virtual(main(), VirtualLoop())
    assert said == ["sooner", "later"]


def test_what_is_planned_for_one_instant_happens_at_one_whatever_led_there() -> None:
    times: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        zero_s = loop.time()
        for _ in range(3):
            await _sleeps(0.1)
        loop.call_at(zero_s + 0.5, lambda: times.append(loop.time()))
        loop.call_later(0.2, lambda: times.append(loop.time()))
        await _sleeps(1.0)

    run_virtual(main(), VirtualLoop())
    assert len(times) == 2
    assert times[1] - times[0] < 1e-8


def test_timeouts_follow_virtual_time() -> None:
    async def main() -> None:
        async with asyncio.timeout(5.0):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run_virtual(main(), VirtualLoop())


def test_waiting_for_what_never_comes_is_told_with_the_place() -> None:
    with pytest.raises(Deadlock, match="_waits_in_vain"):
        run_virtual(_waits_in_vain(), VirtualLoop())


def test_timers_without_end_are_told() -> None:
    def again(loop: asyncio.AbstractEventLoop) -> None:
        loop.call_later(HORIZON_S / 10, again, loop)

    async def main() -> None:
        again(asyncio.get_running_loop())
        await asyncio.Event().wait()

    with pytest.raises(Runaway):
        run_virtual(main(), VirtualLoop())


def test_looking_again_until_time_has_passed_comes_to_an_end() -> None:
    def look(loop: asyncio.AbstractEventLoop, until_s: float, found: asyncio.Future[None]) -> None:
        if loop.time() >= until_s:
            found.set_result(None)
        else:
            loop.call_soon(look, loop, until_s, found)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        found = loop.create_future()
        look(loop, loop.time() + 1e-7, found)
        await found

    run_virtual(main(), VirtualLoop())


def test_chance_orders_what_is_ready_and_what_is_due_at_one_instant() -> None:
    orders = {tuple(_order(Random(seed))) for seed in range(20)}
    assert len(orders) > 5
    assert _order(Random(7)) == _order(Random(7))
    assert _order(None)[:4] == [0, 1, 2, 3]


def test_errors_that_nobody_awaits_are_kept() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(_fails)
        await _sleeps(1.0)

    loop = VirtualLoop()
    run_virtual(main(), loop)
    assert "ZeroDivisionError" in loop.trouble[0]


def test_timers_that_are_still_set_are_told() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.call_later(5.0, _fails)
        loop.call_later(5.0, _fails).cancel()
        return loop.timers()

    told = run_virtual(main(), VirtualLoop())
    assert len(told) == 1
    assert "_fails" in told[0]


def test_there_is_no_network_beside_the_simulated_hosts() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", 80)

    with pytest.raises(ConnectionRefusedError, match="no simulated host"):
        run_virtual(main(), VirtualLoop())


def _order(chance: Random | None) -> list[int]:
    said: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(4):
            loop.call_soon(said.append, number)
            loop.call_later(1.0, said.append, 10 + number)
        await _sleeps(2.0)

    run_virtual(main(), VirtualLoop(chance))
    return said


async def _sleeps(seconds: float) -> None:
    await asyncio.sleep(seconds)


async def _says(said: list[str], what: str, after_s: float) -> None:
    await asyncio.sleep(after_s)
    said.append(what)


async def _waits_in_vain() -> None:
    await asyncio.get_running_loop().create_future()


def _fails() -> None:
    _ = 1 // 0
