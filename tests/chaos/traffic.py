"""The requests of a campaign: an open loop in the background, and single ones that a fault is meant for."""

import asyncio
import itertools
import random

from tests.chaos.clients import GIVES_UP_S, RawCall
from tests.chaos.history import End, History
from tests.chaos.marked_server import Order

AT_ONCE_MAX = 200
"""Of the background; what would come beyond it is counted and not sent."""
LEAVES_SHARE = 0.05
REAL_TOKENS = 120


class Traffic:
    """Makes requests through one port, numbers them, and keeps those that are over until their receipts are fetched."""

    def __init__(self, port: int, history: History, chance: random.Random) -> None:
        self.sent = 0
        self.unsent = 0
        self.ended: list[RawCall] = []
        """Those that are over and that nobody has looked at since."""
        self._port = port
        self._history = history
        self._chance = chance
        self._numbers = itertools.count(1)
        self._running: set[asyncio.Task[None]] = set()

    @property
    def under_way(self) -> int:
        """Count the requests that are not over."""
        return len(self._running)

    def order(self, tokens: int, first_ms: int, gap_ms: int) -> Order:
        """Number a request that is to be made."""
        return Order(next(self._numbers), tokens, first_ms, gap_ms)

    def make(self, order: Order, alias: str = "auto", *, tenant: str = "free", stream: bool = True) -> RawCall:
        """Make a request. It goes on by itself."""
        call = RawCall(
            order, alias, tenant, stream=stream, port=self._port, history=self._history, patience_s=GIVES_UP_S
        )
        self.sent += 1
        task = asyncio.get_running_loop().create_task(self._run(call))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return call

    async def flow(self, rate_per_s: float, stopping: asyncio.Event) -> None:
        """Make requests at times that nothing delays, until it is time to stop."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while not stopping.is_set():
            due_s += self._chance.expovariate(rate_per_s)
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            if self.under_way < AT_ONCE_MAX:
                self._make_any()
            else:
                self.unsent += 1

    async def over(self) -> None:
        """Return once nothing is under way."""
        while self._running:
            await asyncio.wait(self._running)

    def take_ended(self) -> list[RawCall]:
        """Return those that are over since the last time."""
        ended, self.ended = self.ended, []
        return ended

    def _make_any(self) -> None:
        chance = self._chance
        tenant = "rich" if chance.random() < 0.4 else "free"
        if chance.random() < 0.1:
            self.make(self.order(REAL_TOKENS, 0, 0), "real", tenant=tenant)
            return
        order = self.order(chance.randint(5, 25), chance.randint(0, 150), chance.randint(0, 20))
        call = self.make(order, tenant=tenant, stream=chance.random() < 0.8)
        if chance.random() < LEAVES_SHARE:
            asyncio.get_running_loop().call_later(chance.uniform(0.0, 0.6), call.leave)

    async def _run(self, call: RawCall) -> None:
        await call.run()
        assert call.ending is not None, "it ran to its end"
        if call.ending.end is not End.REFUSED:
            self.ended.append(call)
