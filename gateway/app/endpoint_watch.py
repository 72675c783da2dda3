"""Brings model servers back that were given up, and asks idle ones whether they still serve, where the policy says so.

It looks around twice a second. Probes run beside each other, one at most for each server.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from gateway.app.endpoint_probe import probe
from gateway.app.events import LogEvent, marked
from gateway.core.breaker import Failure, Standing
from gateway.core.endpoint_state import EndpointState
from gateway.core.picker import EndpointTable
from gateway.domain.tier import Tier
from gateway.pipeline.world import World
from gateway.ports import Clock

log = logging.getLogger("tiergate")

LOOK_EVERY_S: Final = 0.5
_MEND: Final = {
    Failure.CREDENTIALS: "it refuses our key: check `api_key` of this endpoint",
    Failure.UNREACHABLE: "it cannot be reached, or breaks off",
    Failure.SERVER: "it answers with errors",
    Failure.SLOW: "it does not answer within its limits",
}


class EndpointWatch:
    """Watches the servers of the policy in force."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._table: EndpointTable = world.endpoints
        self._clock: Clock = world.clock
        self._probes: dict[EndpointState, asyncio.Task[None]] = {}
        self._standings: dict[EndpointState, Standing] = {}

    async def run(self) -> None:
        """Look around until cancelled; then the probes under way are broken off."""
        try:
            while True:
                self.look()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for task in self._probes.values():
                task.cancel()
            if self._probes:
                await asyncio.wait(self._probes.values())

    def look(self) -> None:
        """Start the probes that are due, and tell which servers were given up or are back."""
        now_s = self._clock.now_s()
        present: dict[EndpointState, Standing] = {}
        for tier in self._world.policy.snapshot.tiers.values():
            servers = self._table.servers(tier)
            servers.look(now_s)
            for state in servers.states:
                present[state] = state.breaker.standing
                if state not in self._probes and _is_due(tier, state, now_s):
                    task = asyncio.create_task(self._probe(tier, state))
                    self._probes[state] = task
                    task.add_done_callback(self._forget(state))
        self._tell(present)
        self._standings = present

    async def _probe(self, tier: Tier, state: EndpointState) -> None:
        began_s = state.used_s = self._clock.now_s()
        transport = self._world.transports[state.endpoint.transport]
        found = await probe(tier, state.endpoint, state.operation, transport)
        now_s = self._clock.now_s()
        if isinstance(found, Failure):
            state.probes["failed"] += 1
            state.breaker.failed(found, began_s, now_s, self._world.chance())
            if found is Failure.UNREACHABLE:
                self._table.quarantine.refused(state)
        else:
            state.probes["answered"] += 1
            state.probes_usd_nano += tier.price.charge_usd_nano(found)
            state.answered_began_s = max(state.answered_began_s, began_s)
            state.breaker.succeeded(began_s, now_s)
        self._table.servers(tier).look(now_s)

    def _forget(self, state: EndpointState) -> Callable[["asyncio.Task[None]"], None]:
        def forget(task: "asyncio.Task[None]") -> None:
            del self._probes[state]
            if not task.cancelled() and task.exception() is not None:
                facts = marked(LogEvent.FAULT, endpoint=state.endpoint.id)
                log.error("the probe of %s failed", state.endpoint.id, exc_info=task.exception(), extra=facts)

        return forget

    def _tell(self, present: dict[EndpointState, Standing]) -> None:
        for state, standing in present.items():
            before = self._standings.get(state, Standing.HEALTHY)
            cause = state.breaker.cause
            if standing is Standing.EJECTED and before is not standing and cause is not None:
                facts = marked(LogEvent.ENDPOINT_EJECTED, endpoint=state.endpoint.id, cause=cause.value)
                log.error("endpoint %s is given no more requests: %s", state.endpoint.id, _MEND[cause], extra=facts)
            elif standing is Standing.RAMPING and before is not standing:
                facts = marked(LogEvent.ENDPOINT_BACK, endpoint=state.endpoint.id)
                log.info("endpoint %s serves again", state.endpoint.id, extra=facts)


def _is_due(tier: Tier, state: EndpointState, now_s: float) -> bool:
    if state.breaker.is_open:
        return state.breaker.wants_probe(now_s)
    idle_s = tier.idle_probe_s
    return idle_s is not None and not state.in_flight and now_s - state.used_s >= idle_s
