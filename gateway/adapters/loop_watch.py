"""Watches whether the event loop keeps time, and says what holds it up.

A timer measures how late it comes, twenty times a second: that is the lag. A thread looks after the timer: once it is
overdue, what the loop's thread is doing at that moment is what holds everybody up. Nothing here is on a request's path.
"""

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable

TICK_S = 0.05
STALL_S = 0.1
"""A loop that did not turn for so long is reported: streams stand still meanwhile."""
_FRAMES_MAX = 12

NotedLag = Callable[[float, float], None]
"""Is told the lag, and the loop's time now, both in seconds."""
ReportStall = Callable[[float, str, str], None]
"""Is told, from another thread, for how long the loop has stood still, in which task, and its innermost frames."""


class LoopWatch:
    """Watch one loop: `run()` in it, until cancelled."""

    def __init__(self, on_lag: NotedLag, on_stall: ReportStall, *, stall_s: float = STALL_S) -> None:
        self._on_lag = on_lag
        self._on_stall = on_stall
        self._stall_s = stall_s
        self._due_s = float("inf")
        self._reported = False
        self._over = threading.Event()

    async def run(self) -> None:
        """Measure, and have a thread of its own look after the measuring."""
        loop, ident = asyncio.get_running_loop(), threading.get_ident()
        watcher = threading.Thread(target=self._look_on, args=(loop, ident), name="loop-watch", daemon=True)
        watcher.start()
        try:
            while True:
                self._due_s = loop.time() + TICK_S
                await asyncio.sleep(TICK_S)
                now_s = loop.time()
                lag_s = max(0.0, now_s - self._due_s)
                self._reported = False
                self._on_lag(lag_s, now_s)
        finally:
            self._over.set()

    def _look_on(self, loop: asyncio.AbstractEventLoop, ident: int) -> None:
        while not self._over.wait(self._stall_s / 2):
            late_s = loop.time() - self._due_s
            if late_s >= self._stall_s and not self._reported:
                self._reported = True
                self._on_stall(late_s, _task_of(loop), _frames_of(ident))


def _task_of(loop: asyncio.AbstractEventLoop) -> str:
    task = asyncio.current_task(loop)
    return "no task (a callback)" if task is None else task.get_name()


def _frames_of(ident: int) -> str:
    frame = sys._current_frames().get(ident)
    return "".join(traceback.format_stack(frame, _FRAMES_MAX)) if frame is not None else ""
