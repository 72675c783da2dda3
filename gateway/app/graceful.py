"""How a worker goes away: it says so, then takes no more, then lets what is under way end, within bounds.

    SIGTERM ─▶ lame duck ─▶ draining ─────────▶ breaking off ─▶ end
               not ready,   nothing new,        each client is
               takes all    what runs goes on   told in band

Whoever deals requests out learns of a worker's end seconds after it has begun (Kubernetes removes an endpoint while it
sends the signal), so a worker that stopped listening at once would refuse connections. A second signal breaks off at
once. Ctrl-C comes from a person, who has no load balancer: it skips the lame-duck time.
"""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from types import FrameType

from uvicorn import Config, Server

from gateway.app.edge_protocol import EdgeProtocol
from gateway.app.events import LogEvent, marked
from gateway.core.admission import Admission

_LOOK_S = 0.1
"""While requests finish, a second signal is noticed this soon."""

FAREWELL_S = 2.5
"""How long requests that are broken off may take to tell their clients and to settle."""

_FLUSH_S = 0.5
"""How long the last bytes may take to a client's kernel; one that does not read is cut off."""

CLOSE_WITHIN_S = 1
"""For uvicorn, which waits for the connections to be gone; whole seconds, and longer than that."""

GC_THRESHOLDS = (10_000, 2, 500)
"""With CPython's 700, requests under way are looked through 20 times while they live: 28 µs of each request's CPU. At
ten thousand a young collection takes under a millisecond, and reference counting frees nearly everything before it.
What survives is looked through again after two of those: after twenty, as much had gathered as held the event loop up
for 150 ms, and it is the same work in all. The third leaves the oldest in peace for as long as 20 and 50 did."""

log = logging.getLogger("tiergate")


@dataclass(frozen=True, slots=True)
class Departure:
    """How much time a worker takes to go away; see the settings of the same names."""

    lame_duck_s: float
    drain_s: float


class GracefulServer(Server):
    """uvicorn's server: leaves in order at the first signal, at once at the second or when its supervisor is gone."""

    def __init__(
        self,
        config: Config,
        departure: Departure,
        admission: Admission,
        on_ready: Callable[[], None],
        supervisor: BaseProcess | None,
    ) -> None:
        super().__init__(config)
        self._lame_duck_s = departure.lame_duck_s
        self._drain_s = departure.drain_s
        self._admission = admission
        self._on_ready = on_ready
        self._supervisor = supervisor
        self._told_to_stop = False
        self._resigned_s = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note a signal. Ctrl-C reaches a whole process group: under a supervisor, that one sends the order to stop."""
        if sig == signal.SIGINT:
            self._lame_duck_s = 0.0
            if self._supervisor is not None:
                return
        if self._told_to_stop:
            self.force_exit = self.should_exit = True
        self._told_to_stop = True
        if not self.started:
            # Nobody was told of this worker yet.
            self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if not self.started:
            return
        # What exists by now stays: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        """Tell, ten times a second, whether to stop listening."""
        if self._supervisor is not None and not self._supervisor.is_alive():
            self.should_exit = True
        if self._told_to_stop and not self.should_exit:
            self._be_lame_duck()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let requests finish, break off the rest and let it settle; then the lifespan ends.

        uvicorn by itself would close the stores while requests that it has just cancelled still settle with them.
        """
        self._admission.drain()
        for listening in self.servers:
            listening.close()
        # Idle connections stay open: a request that is on its way is answered with a refusal rather than a reset.
        self._let_answers_be_the_last()
        await self._finish_requests()
        self.force_exit = False
        await super().shutdown(sockets)

    def _be_lame_duck(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if not self._admission.is_leaving:
            log.info(
                "Told to stop: not ready for more, and serving what comes for another %g s.",
                self._lame_duck_s,
                extra=marked(LogEvent.WORKER_LEAVING),
            )
            self._admission.resign()
            self._let_answers_be_the_last()
            self._resigned_s = now_s
        self.should_exit = now_s - self._resigned_s >= self._lame_duck_s

    def _let_answers_be_the_last(self) -> None:
        for connection in self.server_state.connections:
            if isinstance(connection, EdgeProtocol):
                connection.let_answer_be_the_last()

    async def _finish_requests(self) -> None:
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + self._drain_s
        while (running := set(self.server_state.tasks)) and not self.force_exit and loop.time() < give_up_s:
            await asyncio.wait(running, timeout=_LOOK_S)
        if running:
            facts = marked(LogEvent.WORKER_BREAKS_OFF, count=len(running))
            log.warning("Breaking off %d requests that still run.", len(running), extra=facts)
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=FAREWELL_S)
        for connection in list(self.server_state.connections):
            connection.transport.close()
        loop.call_later(_FLUSH_S, self._cut_off)

    def _cut_off(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
