"""An event loop whose time stands still while there is anything to do, and jumps to the next timer when there is not.

All that asyncio bases on its loop's time follows: `sleep`, `timeout`, `wait`, `call_later`. Nothing really waits. Where
nothing is ready and no timer is set nothing can ever happen again: that is a Deadlock, told with who waits where.
"""

import asyncio
import contextvars
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START_S = 1_000.0
"""Where time begins, so that a forgotten zero shows."""
HORIZON_S = 20_000.0
"""Virtual seconds after which a run that still has timers is going round in circles."""
TURNS_MAX = 400_000
"""Turns of the loop after which a run is going round without time passing."""
_TURN_S = 1e-9
"""How long a turn of the loop takes: who looks again until some time has passed comes to an end, as it does really."""
INSTANT_DIGITS = 6
"""Timers are due at whole microseconds, so that what is planned for one instant happens at one."""
_SAME_INSTANT_S = 1e-9
"""Below the loop's resolution: what is due at one instant is still done at one, in another order."""


class Deadlock(AssertionError):
    """Somebody waits for what can never happen."""


class Runaway(AssertionError):
    """A run does not come to its end."""


class Host(Protocol):
    """Who can be connected to."""

    async def connect(
        self, make_protocol: Callable[[], asyncio.BaseProtocol]
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Take a connection. Raises OSError."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """`chance` permutes what is ready, and what is due at one instant; without it all comes in asyncio's order."""

    def __init__(self, chance: Random | None = None, turns_max: int = TURNS_MAX) -> None:
        self._turns_max = turns_max
        self._virtual_s = START_S
        self._chance = chance
        self._turns = 0
        self._timers: list[asyncio.TimerHandle] = []
        super().__init__(_Leap(self._leap))
        self.hosts: dict[str, Host] = {}
        """Whom the name of a host leads to; there is no network beside them."""
        self.trouble: list[str] = []
        self.set_exception_handler(lambda _, context: self.trouble.append(_described(context)))
        if chance is not None:
            self._ready = _Shuffled(chance)

    def time(self) -> float:
        """Virtual seconds."""
        return self._virtual_s

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Set a timer."""
        when = round(when, INSTANT_DIGITS)
        if self._chance is not None:
            when += self._chance.random() * _SAME_INSTANT_S
        timer = super().call_at(when, callback, *args, context=context)
        self._timers.append(timer)
        return timer

    async def create_connection(  # type: ignore[override] # connections to simulated hosts have no options
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int, **_options: object
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect to a simulated host. Raises OSError, and so for a host that is none."""
        if host not in self.hosts:
            raise ConnectionRefusedError(f"{host}:{port} is no simulated host")
        return await self.hosts[host].connect(protocol_factory)

    def stand_still(self, seconds: float) -> None:
        """Let time pass in which nothing is done, as for a process that is stopped and goes on."""
        self._virtual_s += seconds

    def timers(self) -> list[str]:
        """Tell of each timer that is set."""
        return [repr(timer) for timer in self._timers if timer.when() > self._virtual_s and not timer.cancelled()]

    def _leap(self, timeout_s: float | None) -> None:
        self._turns += 1
        if timeout_s is None:
            raise Deadlock("nothing can happen any more; waiting:\n" + "\n".join(waiting(self)))
        self._virtual_s += max(_TURN_S, timeout_s)
        if self._turns > self._turns_max or self._virtual_s > START_S + HORIZON_S:
            raise Runaway(
                f"{self._turns} turns, {self._virtual_s - START_S:.0f} s; alive:\n" + "\n".join(waiting(self))
            )


def run_virtual(main: Coroutine[Any, Any, T], loop: VirtualLoop) -> T:
    """Run to the end, and close the loop. Raises Deadlock and Runaway."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)


def waiting(loop: asyncio.AbstractEventLoop) -> list[str]:
    """Tell of each task that is alive where it stands."""
    return sorted(_place(task) for task in asyncio.all_tasks(loop))


def _place(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack()
    where = f"{frames[-1].f_code.co_qualname}:{frames[-1].f_lineno}" if frames else "nowhere"
    return f"{task.get_coro()!r} at {where}".partition(" at 0x")[0] + f" in {where}"


def _described(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return f"{context['message']}: {error!r}" if error is not None else str(context["message"])


class _Leap(selectors.SelectSelector):
    """Watches nothing: where the loop would wait, time passes."""

    def __init__(self, leap: Callable[[float | None], None]) -> None:
        super().__init__()
        self._leap = leap

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let the time pass that the loop would have waited."""
        self._leap(timeout)
        return []


class _Shuffled(deque[asyncio.Handle]):
    """What is ready, in an order that chance decides."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self._chance = chance

    def append(self, handle: asyncio.Handle) -> None:
        """Add it anywhere."""
        self.insert(int(self._chance.random() * (len(self) + 1)), handle)
