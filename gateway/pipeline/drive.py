"""The journey of a request, in order, and the one place that makes sure of its end.

    admit → canonicalise → lookup → score → decide → dispatch → relay → account → record

Cheap refusals come first (a bad key costs no body, a bad body no look-up), and money is held last before the servers
are called, so that nothing needs to be given back for a request that was never going to run. A batch request waits for
its turn within decide, before the money is held (`turn.py`). A cache hit leaves after lookup, and so does a request
that is answered with what another, the same and under way, is given. Account and record run for every request that
arrived, from the one `finally`, shielded from cancellation.
"""

import asyncio

from gateway.core.admission import DRAINING_RETRY_S
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.flight import Ending
from gateway.domain.outcome import Outcome
from gateway.domain.request import Operation
from gateway.pipeline.account import account
from gateway.pipeline.admit import admit
from gateway.pipeline.canonicalise import canonicalise
from gateway.pipeline.decide import decide
from gateway.pipeline.difficulty import tell_difficulty
from gateway.pipeline.dispatch import dispatch
from gateway.pipeline.follow import board, end_flight, follow
from gateway.pipeline.interpreting import DialectResponder
from gateway.pipeline.journey import Arrival, Canonical, Trail
from gateway.pipeline.keep import keep
from gateway.pipeline.lookup import lookup, not_cached
from gateway.pipeline.places import go_out
from gateway.pipeline.record import record
from gateway.pipeline.relay import relay
from gateway.pipeline.replay import replay
from gateway.pipeline.respond import send_whole
from gateway.pipeline.score import score
from gateway.pipeline.semantic import seek
from gateway.pipeline.semantic_proof import compare
from gateway.pipeline.world import World
from gateway.ports import ClientGone, Inbound, LedgerUnavailable, Responder
from gateway.wire.dialects import DIALECTS
from gateway.wire.headers import REQUEST_ID_HEADER
from gateway.wire.problem import problem, stream_error
from gateway.wire.trace_context import read_trace

_AFTERWARDS_WITHIN_S = 2.0
"""How long account may take once the request is over; the ledger's own limit is far below."""
_NOTICE_WITHIN_S = 0.5
"""How long a client may take to be told that its answer is broken off; one that does not read is not waited for."""


class Pipeline:
    """Takes every request of the generating operations from its arrival to its receipt."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, operation: Operation, inbound: Inbound, responder: Responder) -> None:
        """Answer one request. Never raises but for cancellation: whatever goes wrong is told and recorded.

        Only a worker that goes away cancels, and then the client is told of that.
        """
        world = self._world
        snapshot = world.policy.snapshot
        dialect = DIALECTS.get(operation)
        interpreter = None if dialect is None else DialectResponder(responder, dialect)
        arrival = Arrival(
            world.new_request_id(),
            world.clock.now_s(),
            world.clock.wall_s(),
            operation,
            inbound,
            interpreter or responder,
            snapshot,
            world.scorers[snapshot.artefact],
            trace=world.place_in_trace(read_trace(inbound.headers)),
        )
        trail = Trail(arrival)
        try:
            await self._travel(trail, interpreter)
        except ClientGone:
            trail.outcome = Outcome.CLIENT_GONE_DURING if _has_begun(trail) else Outcome.CLIENT_GONE_BEFORE
        except GatewayError as error:
            # Kept with its traceback, whose frames hold the trail, a refusal would wait for the garbage collector.
            trail.error, trail.outcome = error.with_traceback(None), error.outcome
            await self._tell(trail, error)
        except Exception as fault:
            world.report_fault(arrival.request_id, fault)
            message = f"The gateway failed on this request; its operators find it as {arrival.request_id}."
            trail.error, trail.outcome = GatewayError(ErrorCode.INTERNAL_ERROR, message), Outcome.INTERNAL
            await self._tell(trail, trail.error)
        except asyncio.CancelledError:
            if not trail.is_told:
                await self._break_off(trail)
            raise
        finally:
            await self._afterwards(trail)

    async def _travel(self, trail: Trail, interpreter: DialectResponder | None) -> None:
        world, mark, now = self._world, trail.marks_s.append, self._world.clock.now_s
        trail.admitted = await admit(trail.arrival, world)
        mark(now())
        trail.canonical = await canonicalise(trail.admitted, world)
        native = trail.canonical.request.native
        if interpreter is not None and native is not None:
            interpreter.asked = native.body
        mark(now())
        if trail.canonical.question is not None:
            await tell_difficulty(trail, trail.canonical.question, world)
            return
        trail.looked = await lookup(trail.canonical, world)
        flight = board(trail, world)
        if flight is not None and await follow(trail, flight, world):
            mark(now())
            return
        try:
            await self._answer(trail, trail.canonical)
        finally:
            end_flight(trail, world)

    async def _answer(self, trail: Trail, canonical: Canonical) -> None:
        """Answer a request that follows no other."""
        world, mark, now = self._world, trail.marks_s.append, self._world.clock.now_s
        assert trail.looked is not None
        if canonical.route.semantic is not None:
            trail.looked = await seek(trail.looked, world)
        mark(now())
        if trail.looked.hit is not None:
            # What answers another question may answer this one, but is not the answer to it that others wait for.
            end_flight(trail, world, Ending.NOT_KEPT)
            await replay(trail, trail.looked.hit, world)
            return
        if trail.looked.control.only_if_cached:
            raise not_cached(trail.looked)
        trail.scored = await score(trail.looked, world)
        mark(now())
        trail.decided = await decide(trail.scored, world)
        mark(now())
        exchange = dispatch(trail, trail.decided, world)
        try:
            await exchange.until_commit()
            await relay(trail, exchange, world)
        finally:
            await exchange.aclose()
        keep(trail, world)
        if trail.looked.sought is not None and trail.looked.sought.compares:
            await compare(trail, trail.looked.sought, world)

    async def _break_off(self, trail: Trail) -> None:
        begun = "The answer is incomplete: the" if trail.head_sent else "The"
        message = f"{begun} gateway is shutting down. Ask again: another worker or replica answers."
        trail.error = GatewayError(ErrorCode.DRAINING, message, retry_after_s=DRAINING_RETRY_S)
        trail.outcome = Outcome.STREAM_TRUNCATED if trail.head_sent else trail.error.outcome
        try:
            async with asyncio.timeout(_NOTICE_WITHIN_S):
                await self._tell(trail, trail.error)
        except TimeoutError:
            # It does not read; the server closes the connection.
            return

    async def _tell(self, trail: Trail, error: GatewayError) -> None:
        """Tell the client what went wrong: as a response, or in band when its answer has already begun.

        A whole answer that has begun says nothing more: left unfinished, it is cut off by the server.
        """
        try:
            if trail.in_stream:
                await trail.arrival.responder.finish(stream_error(error))
                trail.is_told = True
            elif not trail.head_sent:
                status, headers, body = problem(error)
                request_id = (REQUEST_ID_HEADER, trail.arrival.request_id.encode())
                await send_whole(trail, status, [*headers, request_id], body)
        except ClientGone:
            # It will never know. What went wrong stays on record.
            return
        except Exception as fault:
            self._world.report_fault(trail.arrival.request_id, fault)

    async def _afterwards(self, trail: Trail) -> None:
        world = self._world
        try:
            await trail.arrival.responder.aclose()
        finally:
            try:
                if trail.arrival.hold is not None:
                    await asyncio.shield(asyncio.wait_for(account(trail, world), _AFTERWARDS_WITHIN_S))
            except (LedgerUnavailable, TimeoutError) as error:
                world.report_fault(trail.arrival.request_id, error)
            finally:
                if trail.arrival.climbing is not None:
                    trail.arrival.climbing.end(world.clock.now_s())
                go_out(trail.arrival, world)
                record(trail, world)


def _has_begun(trail: Trail) -> bool:
    """Tell whether the client has seen anything of an answer: a heartbeat is nothing of one."""
    if trail.relayed is not None:
        return trail.head_sent and trail.relayed.tier is not None
    return trail.head_sent and trail.looked is not None and trail.looked.hit is not None
