"""The clock of the machine."""

import time


class SystemClock:
    """Holds to `ports.Clock`; the two functions are called without a Python frame between."""

    now_s = staticmethod(time.monotonic)
    wall_s = staticmethod(time.time)
