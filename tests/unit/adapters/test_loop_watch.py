"""The event loop is watched, and what holds it up is named."""

import asyncio
import threading
from contextlib import suppress

from gateway.adapters.loop_watch import LoopWatch
from tests.support.waiting import eventually

GIVES_UP_S = 30.0


class Told:
    """What the watch reported."""

    def __init__(self) -> None:
        self.lags_s: list[float] = []
        self.stalls: list[tuple[float, str, str]] = []
        self.stalled = threading.Event()

    def note_lag(self, lag_s: float, now_s: float) -> None:
        self.lags_s.append(lag_s)

    def note_stall(self, late_s: float, task: str, frames: str) -> None:
        self.stalls.append((late_s, task, frames))
        self.stalled.set()


async def watched(told: Told) -> "asyncio.Task[None]":
    """Start a watch, and wait until it measures."""
    watching = asyncio.create_task(LoopWatch(told.note_lag, told.note_stall).run())
    await eventually(lambda: told.lags_s)
    return watching


async def ended(watching: "asyncio.Task[None]") -> None:
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await eventually(lambda: not any(thread.name == "loop-watch" for thread in threading.enumerate()))


async def test_a_blocker_is_reported_with_its_task_and_its_frame_while_it_blocks() -> None:
    told = Told()
    watching = await watched(told)

    async def blocks_the_loop() -> bool:
        # Waits as a thread does, until the watch has seen it.
        return told.stalled.wait(GIVES_UP_S)

    assert await asyncio.create_task(blocks_the_loop(), name="the culprit")
    late_s, task, frames = told.stalls[0]
    assert late_s >= 0.1
    assert task == "the culprit"
    assert "blocks_the_loop" in frames
    await eventually(lambda: max(told.lags_s) >= 0.1)
    await ended(watching)


async def test_a_callback_that_blocks_is_named_by_its_frame_and_each_stall_is_reported_once() -> None:
    told = Told()
    watching = await watched(told)

    def blocks_in_a_callback() -> None:
        told.stalled.wait(GIVES_UP_S)
        # Long enough for the watch to look again.
        threading.Event().wait(0.2)

    asyncio.get_running_loop().call_soon(blocks_in_a_callback)
    await eventually(lambda: max(told.lags_s) >= 0.1, within_s=GIVES_UP_S)
    assert [task for _, task, _ in told.stalls] == ["no task (a callback)"]
    assert "blocks_in_a_callback" in told.stalls[0][2]
    await ended(watching)
