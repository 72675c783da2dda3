"""The machine's clock."""

import time

from gateway.adapters.clock import SystemClock, later
from gateway.ports import Clock
from tests.support.waiting import eventually


def test_the_clock_is_the_machines() -> None:
    clock: Clock = SystemClock()
    before_s, wall_before_s = time.monotonic(), time.time()
    assert before_s <= clock.now_s() <= time.monotonic()
    assert wall_before_s <= clock.wall_s() <= time.time() + 1.0


async def test_what_can_wait_is_done_a_moment_later() -> None:
    done: list[str] = []
    later(lambda: done.append("stored"))
    assert done == []
    await eventually(lambda: done == ["stored"])
