"""One simulated model server: its slots and the line for them, what ails it, and its crashes."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from tests.sim.call import Call
from tests.sim.case import Ailment, Server, ServerFault
from tests.sim.pace import FOREVER_S, Pace

Noted = Callable[[str, str], None]
"""Told of each fault that was met: its kind, and the phase of the call that it met."""


class SimServer:
    """Works on as many calls at once as it has slots; the others wait in line."""

    def __init__(self, server: Server, faults: Sequence[ServerFault], zero_s: float, noted: Noted) -> None:
        self.server = server
        self.pace = Pace(faults, zero_s)
        self._noted = noted
        self._faults = [(zero_s + fault.from_s, zero_s + fault.to_s, fault) for fault in faults]
        self._free = server.slots
        self._line: deque[Call] = deque()
        self._calls: list[Call] = []
        self._down_until_s = 0.0
        self._known: set[str] = set()
        for begin_s, end_s, fault in self._faults:
            if fault.kind is Ailment.CRASH:
                asyncio.get_running_loop().call_at(begin_s, self.crash, end_s - begin_s)

    @property
    def is_idle(self) -> bool:
        """Tell whether every slot is free and nobody waits."""
        return self._free == self.server.slots and not self._line

    def ailment(self, *kinds: Ailment) -> ServerFault | None:
        """Return what ails the server now, of these kinds."""
        now_s = asyncio.get_running_loop().time()
        for begin_s, end_s, fault in self._faults:
            if fault.kind in kinds and begin_s <= now_s < end_s:
                return fault
        return None

    def is_down(self) -> bool:
        """Tell whether nobody listens on its port."""
        is_ill = self.ailment(Ailment.DOWN, Ailment.CRASH) is not None
        return is_ill or asyncio.get_running_loop().time() < self._down_until_s

    def crash(self, restart_s: float) -> None:
        """End: every call is reset, and nobody listens until the restart."""
        self._down_until_s = max(self._down_until_s, asyncio.get_running_loop().time() + restart_s)
        self._known.clear()
        for call in self._calls:
            if call.is_open:
                self._noted(Ailment.CRASH, "before_head" if call.script is None else "behind_head")
                call.crash()

    async def take_slot(self, call: Call) -> "Slot":
        """Wait for a slot. Raises httpx.ReadError when the server crashes meanwhile."""
        self._calls.append(call)
        if self._free:
            self._free -= 1
            call.has_slot = True
        else:
            self._line.append(call)
        try:
            while not call.has_slot:
                await call.wait_until(FOREVER_S)
        except BaseException:
            if call.has_slot:
                self.free_slot()
            else:
                self._line.remove(call)
            raise
        return Slot(self)

    def free_slot(self) -> None:
        """Give the slot to whoever waits longest."""
        if not self._line:
            self._free += 1
            return
        following = self._line.popleft()
        following.has_slot = True
        following.wake()

    def reading_work_s(self, prompt: str, prompt_tokens: int) -> float:
        """Tell how much work a prompt is; one that was read before is known."""
        server = self.server
        if server.prefix_cache and prompt in self._known:
            return server.base_s
        self._known.add(prompt)
        return server.base_s + server.per_token_s * prompt_tokens


class Slot:
    """A place in a server's batch, given back once."""

    def __init__(self, server: SimServer) -> None:
        self._server = server
        self._is_free = False
        self._timer: asyncio.TimerHandle | None = None

    def free_at(self, at_s: float) -> None:
        """Give it back then."""
        if at_s < FOREVER_S:
            self._timer = asyncio.get_running_loop().call_at(at_s, self._free)

    def caller_left(self) -> None:
        """Give it back once the server has noticed."""
        if self._is_free:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._server.server.reaction_s, self._free)

    def _free(self) -> None:
        self._is_free = True
        self._server.free_slot()
