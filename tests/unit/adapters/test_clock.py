"""The machine's clock."""

import time

from gateway.adapters.clock import SystemClock
from gateway.ports import Clock


def test_the_clock_is_the_machines() -> None:
    clock: Clock = SystemClock()
    before_s, wall_before_s = time.monotonic(), time.time()
    assert before_s <= clock.now_s() <= time.monotonic()
    assert wall_before_s <= clock.wall_s() <= time.time() + 1.0
