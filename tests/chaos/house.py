"""Injects planned faults of the gateways and of Redis, one after another, beside those of the model servers."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping

from tests.chaos.actors import STARTS_WITHIN_S, GatewayActor
from tests.chaos.books import Books, forget_scripts, pause_redis, read_books
from tests.chaos.faults import Injected, Kind, Planned
from tests.chaos.history import now_s
from tests.chaos.rig import DRAIN_S, LAME_DUCK_S, LONGEST_LAG_S, Rig
from tests.chaos.traffic import Traffic
from tests.support.waiting import eventually

REDIS = "redis"
EXIT_WITHIN_S = LAME_DUCK_S + DRAIN_S + 15.0
SHORTEST_S, LONGEST_S = 1.0, 3.0
"""How long Redis or a worker is away."""


class House:
    """Injects one fault after another. `books` are the ledger's, as read before each loss of Redis."""

    def __init__(self, rig: Rig, traffic: Traffic) -> None:
        self.books: list[Books] = []
        self._rig = rig
        self._traffic = traffic
        self._turn = 0
        self._act: Mapping[Kind, Callable[[Planned], Awaitable[tuple[str, int, float, float]]]] = {
            Kind.KILL_WORKER: self._kill_worker,
            Kind.FREEZE_WORKER: self._freeze_worker,
            Kind.TERMINATE: self._terminate,
            Kind.REDIS_KILL: self._kill_redis,
            Kind.REDIS_FREEZE: self._freeze_redis,
            Kind.REDIS_PAUSE: self._pause_redis,
            Kind.REDIS_FORGET: self._forget_scripts,
        }

    async def inject(self, planned: Planned) -> Injected:
        """Inject the fault and wait until it is over."""
        target, exposed, injected_s, healed_s = await self._act[planned.kind](planned)
        return Injected(planned.number, planned.kind, planned.phase, target, injected_s, healed_s, exposed=exposed)

    async def _kill_worker(self, planned: Planned) -> tuple[str, int, float, float]:
        gateway = self._rig.gateways[0]
        before = gateway.serving()
        worker = _choose(gateway.workers(), planned)
        exposed, injected_s = self._rig.front.open_at(gateway), now_s()
        os.kill(worker, signal.SIGKILL)
        await eventually(lambda: gateway.serving() < before, STARTS_WITHIN_S)
        await eventually(lambda: gateway.serving() == before, STARTS_WITHIN_S)
        return gateway.name, exposed, injected_s, now_s()

    async def _freeze_worker(self, planned: Planned) -> tuple[str, int, float, float]:
        gateway = self._rig.gateways[planned.number % len(self._rig.gateways)]
        worker = _choose(gateway.workers(), planned)
        exposed, injected_s = self._rig.front.open_at(gateway), now_s()
        os.kill(worker, signal.SIGSTOP)
        await asyncio.sleep(planned.between(SHORTEST_S, LONGEST_S))
        os.kill(worker, signal.SIGCONT)
        return gateway.name, exposed, injected_s, now_s()

    async def _terminate(self, planned: Planned) -> tuple[str, int, float, float]:
        """Replace the next gateway, as a rolling restart does; the front learns of both late."""
        gateway: GatewayActor = self._rig.gateways[self._turn % len(self._rig.gateways)]
        self._turn += 1
        front, lag_s = self._rig.front, planned.between(0.0, LONGEST_LAG_S)
        exposed, injected_s = front.open_at(gateway), now_s()
        gateway.terminate()
        front.hear(gateway, serves=False, after_s=lag_s)
        await gateway.ended(EXIT_WITHIN_S)
        healed_s = now_s()
        gateway.start()
        await gateway.ready()
        front.hear(gateway, serves=True, after_s=lag_s)
        await asyncio.sleep(lag_s)
        return gateway.name, exposed, injected_s, healed_s

    async def _kill_redis(self, planned: Planned) -> tuple[str, int, float, float]:
        self.books.append(read_books(self._rig.redis, now_s()))
        injected_s = now_s()
        self._rig.redis.kill()
        await asyncio.sleep(planned.between(SHORTEST_S, LONGEST_S))
        self._rig.redis.start()
        return REDIS, self._traffic.under_way, injected_s, now_s()

    async def _freeze_redis(self, planned: Planned) -> tuple[str, int, float, float]:
        injected_s = now_s()
        self._rig.redis.freeze()
        await asyncio.sleep(planned.between(SHORTEST_S, LONGEST_S))
        self._rig.redis.thaw()
        return REDIS, self._traffic.under_way, injected_s, now_s()

    async def _pause_redis(self, planned: Planned) -> tuple[str, int, float, float]:
        injected_s, pause_s = now_s(), planned.between(SHORTEST_S, LONGEST_S)
        pause_redis(self._rig.redis, pause_s)
        await asyncio.sleep(pause_s)
        return REDIS, self._traffic.under_way, injected_s, now_s()

    async def _forget_scripts(self, planned: Planned) -> tuple[str, int, float, float]:
        injected_s = now_s()
        forget_scripts(self._rig.redis)
        return REDIS, self._traffic.under_way, injected_s, now_s()


def _choose(pids: list[int], planned: Planned) -> int:
    return pids[int(planned.chance * len(pids))]
