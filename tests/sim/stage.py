"""Plays a case: real gateways, with real stores and compiled policy, among simulated servers, clients and Redis."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.sim.case import Ask, Case
from tests.sim.client import SimClient
from tests.sim.gateway import PolicyInForce, SimGateway
from tests.sim.history import History
from tests.sim.loop import TURNS_MAX, Deadlock, Runaway, VirtualLoop, run_virtual, waiting
from tests.sim.policies import snapshot
from tests.sim.redis import HOST, SimRedis
from tests.sim.run import Run
from tests.sim.upstream import SimNetwork
from tests.sim.waits import TASK_PREFIX

WALL_S: Final = 1_700_000_000.0
_SETTLING_S: Final = 30.0
"""How long after the last request everything must have come to rest."""
_HOLDS_OVER_S: Final = 5_000.0
"""How long after that no hold stands any more that Redis made when its request was over, whatever its clock did."""
_TURNS_EACH: Final = 200
"""Turns of the loop that a request may take, where there are thousands of them."""


def play(case: Case, *, is_told: bool = True) -> Run:
    """Run a case to its end. What goes wrong is told in the run, never raised.

    The history of many thousands of requests fills the memory: it is not kept unless it `is_told`.
    """
    turns_max = max(TURNS_MAX, _TURNS_EACH * len(case.asks))
    loop = VirtualLoop(Random(case.seed) if case.shuffled else None, turns_max)
    run = Run(case, History(loop.time, is_kept=is_told), loop.time())
    try:
        run_virtual(_Stage(run, loop).play(), loop)
    except (Deadlock, Runaway) as error:
        run.trouble.append(f"{type(error).__name__}: {error}")
    run.trouble += loop.trouble
    return run


@dataclass(slots=True)
class SimClock:
    """`ports.Clock` on the loop's time."""

    loop: VirtualLoop

    def now_s(self) -> float:
        """Monotonic seconds."""
        return self.loop.time()

    def wall_s(self) -> float:
        """Seconds since the epoch."""
        return WALL_S + self.loop.time()


class _Stage:
    """Everything that a run needs, built for it and dropped behind it."""

    def __init__(self, run: Run, loop: VirtualLoop) -> None:
        self._run = run
        self._loop = loop
        self._policy = PolicyInForce(snapshot(run.case.shape, 0))
        self._gateways: list[SimGateway] = []

    async def play(self) -> None:
        """Let every client come at its time, and see that everything comes to rest."""
        run, case, loop = self._run, self._run.case, self._loop
        network = SimNetwork(case, run.history, self._noted)
        run.calls = network.calls
        clock = SimClock(loop)
        if case.redis is not None:
            redis = SimRedis(case.redis, case.seed, loop, clock.wall_s, run.history, self._noted)
            run.redis = loop.hosts[HOST] = redis
        for number in range(case.gateways):
            self._gateways.append(SimGateway(number, run, loop, clock, self._policy, network))
        for reload in case.reloads:
            loop.call_at(run.zero_s + reload.at_s, self._reload, reload.version)
        for standstill in case.standstills:
            loop.call_at(run.zero_s + standstill.at_s, self._stand_still, standstill.for_s)
        if case.drain_at_s >= 0:
            loop.call_at(run.zero_s + case.drain_at_s, self._drain)
        for gateway in self._gateways:
            gateway.start()
        tasks = [loop.create_task(self._serve(ask), name=f"ask {ask.number}") for ask in case.asks]
        for task in tasks:
            await asyncio.wait((task,))
            if task.cancelled() or task.exception() is not None:
                run.trouble.append(f"{task.get_name()} raised {None if task.cancelled() else task.exception()!r}")
        await asyncio.sleep(_SETTLING_S)
        await self._come_to_rest()
        self._look_around(network)

    async def _serve(self, ask: Ask) -> None:
        """Come as one client, and be there until the gateway is done."""
        run, loop = self._run, self._loop
        await asyncio.sleep(ask.at_s)
        client = run.clients[ask.number] = SimClient(ask, run.history, keyed=run.case.shape.keyed)
        client.note("comes")
        gateway = self._gateways[run.case.gateway_of(ask.number)]
        serving = loop.create_task(gateway.serve(client), name=f"{TASK_PREFIX}{ask.number}")
        if ask.cut_after_s >= 0:
            await asyncio.wait((serving,), timeout=ask.cut_after_s)
            client.was_cut = not serving.done()
            serving.cancel()
        await asyncio.wait((serving,))
        client.over()
        if not serving.cancelled() and serving.exception() is not None:
            run.trouble.append(f"request {ask.number} raised {serving.exception()!r}")

    async def _come_to_rest(self) -> None:
        """Let every gateway end, and read the books when nothing can change them any more."""
        for gateway in self._gateways:
            self._run.left_over += gateway.left_over()
            await gateway.rest()
        if self._run.redis is not None:
            await asyncio.sleep(_HOLDS_OVER_S)
            # Only now: a Redis that was away is asked again after half a minute at most, and later by who stood still.
            given_up = [gateway.name for gateway in self._gateways if gateway.has_given_redis_up]
            self._run.left_over += [f"{name} does not ask Redis" for name in given_up]
            self._run.trouble += [f"Redis was sent {command}" for command in self._run.redis.memory.unknown]
        await self._gateways[0].read_books()
        for gateway in self._gateways:
            await gateway.aclose()

    def _noted(self, kind: str, phase: str) -> None:
        self._run.met[f"{kind} × {phase}"] += 1

    def _reload(self, version: int) -> None:
        self._policy.snapshot = snapshot(self._run.case.shape, version)
        self._run.history.note("policy", f"version {version}")

    def _drain(self) -> None:
        for gateway in self._gateways:
            gateway.world.admission.drain()
        self._run.drained_s = self._loop.time()
        self._run.history.note("process", "drains")

    def _stand_still(self, for_s: float) -> None:
        from_s = self._loop.time()
        self._loop.stand_still(for_s)
        self._run.stood_s.append((from_s, self._loop.time()))
        self._run.history.note("process", f"stood still for {for_s} s")

    def _look_around(self, network: SimNetwork) -> None:
        """Count what should be gone: tasks, timers, connections, calls, slots."""
        run, left = self._run, self._run.left_over
        left += [f"task {place}" for place in waiting(self._loop) if "_Stage.play" not in place]
        left += [f"timer {timer}" for timer in self._loop.timers()]
        for host, server in network.servers.items():
            if not server.is_idle:
                left.append(f"slots of {host}")
        left += [f"open call {call.question.ask}.{call.question.call}" for call in run.calls if call.is_open]
        left += [f"a connection to {HOST}" for _ in (run.redis.connections if run.redis is not None else ())]
