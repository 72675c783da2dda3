"""Injects planned faults of model servers, of the way to them, and of clients: each at its moment, and healed after.

A fault of a request under way waits until the relay in front of a model server has seen that very request, or until its
client has heard the beginning of the answer; it then strikes where the request is.
"""

import asyncio

from tests.chaos.actors import Actor
from tests.chaos.clients import RawCall
from tests.chaos.faults import ON_REAL, Injected, Kind, Phase, Planned
from tests.chaos.history import now_s
from tests.chaos.impair import Cut, Door, Flow, Impair, Way
from tests.chaos.relay import Relay
from tests.chaos.rig import Rig
from tests.chaos.traffic import Traffic

VICTIMS = 4
"""Requests that arrive while a fault is there: enough that some of them are sent where it is."""
ARRIVE_EVERY_S = 0.05
LONGEST_CUT_BYTES = 4_000
"""An answer of forty marks has some nine thousand bytes."""
FIRST_MS = 400
"""A model server's time for its first token, while a fault is to come before that."""
HEARD_PIECES = 3
REAL_TOKENS = 4_000
"""More than a second of llama.cpp's work at any rate."""
SETTLES_S = 0.05
"""Between a request's coming to a frozen server and the server's death: its connection is then accepted."""
_DOORS = {Kind.SWALLOW: Door.SWALLOWS, Kind.IGNORE: Door.IGNORES, Kind.REFUSE: Door.REFUSES}


class Injector:
    """Injects one fault after another."""

    def __init__(self, rig: Rig, traffic: Traffic) -> None:
        self._rig = rig
        self._traffic = traffic

    async def inject(self, planned: Planned) -> Injected | None:
        """Inject the fault, see its victims end, and heal. None when its moment did not come."""
        if planned.phase is Phase.ARRIVING:
            return await self._before_they_come(planned)
        return await self._while_under_way(planned)

    async def _before_they_come(self, planned: Planned) -> Injected:
        relay = self._rig.sightings.last["small"]
        injected_s = now_s()
        _strike(planned, relay, self._rig.servers[relay.name])
        # What is kept open from before would not meet the fault.
        relay.break_off(Cut.CLOSE)
        calls: list[RawCall] = []
        for _ in range(VICTIMS):
            order = self._traffic.order(40, 50, 5)
            calls.append(self._traffic.make(order, stream=len(calls) % 2 == 0))
            await asyncio.sleep(ARRIVE_EVERY_S)
        await _all_over(calls)
        healed_s = await self._heal(planned, relay)
        return Injected(planned.number, planned.kind, planned.phase, relay.name, injected_s, healed_s)

    async def _while_under_way(self, planned: Planned) -> Injected | None:
        is_real, is_streaming = planned.kind in ON_REAL, planned.phase is Phase.STREAMING
        struck_s: list[float] = []

        def at_once(relay: Relay) -> None:
            """Keep a real server, which answers in milliseconds, from answering before its time comes."""
            struck_s.append(now_s())
            self._rig.servers[relay.name].freeze()

        tokens = REAL_TOKENS if is_real and is_streaming else 40
        order = self._traffic.order(tokens, 0 if is_streaming else FIRST_MS, 15)
        sighted = self._rig.sightings.expect(order.request, at_once if is_real and not is_streaming else None)
        call = self._traffic.make(order, "real" if is_real else "auto", stream=planned.phase is not Phase.WHOLE)
        relay = await _sighted(sighted, call)
        if relay is None or (is_streaming and not await call.heard(HEARD_PIECES)):
            return None
        if not is_streaming:
            await asyncio.sleep(SETTLES_S)
        if call.ending is not None:
            if struck_s:
                self._rig.servers[relay.name].thaw()
            return None
        injected_s = struck_s[0] if struck_s else now_s()
        if planned.kind is Kind.LEAVE:
            call.leave()
        else:
            _strike(planned, relay, self._rig.servers[relay.name])
        await _all_over([call])
        healed_s = await self._heal(planned, relay)
        return Injected(
            planned.number, planned.kind, planned.phase, relay.name, injected_s, healed_s, order.request, exposed=1
        )

    async def _heal(self, planned: Planned, relay: Relay) -> float:
        """Undo the fault and return when that was done."""
        server = self._rig.servers[relay.name]
        if planned.kind in {Kind.KILL, Kind.KILL_REAL}:
            server.start()
            await server.ready()
        elif planned.kind in {Kind.FREEZE, Kind.FREEZE_REAL}:
            server.thaw()
        relay.heal()
        return now_s()


def _strike(planned: Planned, path: Impair, server: Actor) -> None:
    """Do to a path, or to the server behind it, what the fault says."""
    at_byte = int(planned.between(0, LONGEST_CUT_BYTES))
    match planned.kind:
        case Kind.RESET:
            path.break_off(Cut.RESET)
        case Kind.CLOSE:
            path.break_off(Cut.CLOSE)
        case Kind.STALL:
            path.set_flow(Way.ANSWER, Flow(is_stalled=True))
        case Kind.CUT:
            cut = Cut.RESET if planned.number % 2 else Cut.CLOSE
            path.set_flow(Way.ANSWER, Flow(cut=cut, cut_at_byte=at_byte))
        case Kind.CORRUPT:
            path.set_flow(Way.ANSWER, Flow(corrupt_at_byte=at_byte))
        case Kind.DELAY:
            path.set_flow(Way.ANSWER, Flow(delay_s=planned.between(0.005, 0.05)))
        case Kind.THROTTLE:
            path.set_flow(Way.ANSWER, Flow(bytes_per_s=planned.between(10_000, 40_000)))
        case Kind.SWALLOW | Kind.IGNORE | Kind.REFUSE:
            path.set_door(_DOORS[planned.kind])
        case Kind.KILL | Kind.KILL_REAL:
            server.kill()
            path.set_door(Door.REFUSES)
        case Kind.FREEZE | Kind.FREEZE_REAL:
            server.freeze()
        case _:
            raise AssertionError(f"{planned.kind} is not of model servers")


async def _sighted(sighted: asyncio.Future[Relay], call: RawCall) -> Relay | None:
    """Wait until a relay has seen the request; None when it ended unseen."""
    over = asyncio.ensure_future(_all_over([call]))
    await asyncio.wait((sighted, over), return_when=asyncio.FIRST_COMPLETED)
    over.cancel()
    return sighted.result() if sighted.done() else None


async def _all_over(calls: list[RawCall]) -> None:
    for call in calls:
        await call.over.wait()
