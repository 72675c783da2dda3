"""The clock of the machine."""

import asyncio
import time
from collections.abc import Callable


class SystemClock:
    """Holds to `ports.Clock`; the two functions are called without a Python frame between."""

    now_s = staticmethod(time.monotonic)
    wall_s = staticmethod(time.time)


LATER_S = 0.02
"""Long enough for a burst of requests to be answered first, short enough for a repeated one to find what was kept."""


def later(action: Callable[[], None]) -> None:
    """Call it `LATER_S` from now, on the running event loop."""
    asyncio.get_running_loop().call_later(LATER_S, action)
