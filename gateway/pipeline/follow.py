"""Follow a request that is under way instead of making the same again: wait for its answer, and give it as a hit.

A stream is read as it comes, each follower with its own reader of events, so that it sees the usage that it asked for
and no other's. Whoever asked for a whole answer waits until the cache has one, and so does who asked for a stream of an
answer that is not streamed. Nothing is scored, decided or held meanwhile but the place that the request has anyway.

Before anything of an answer was sent, a follower whose flight fails leads or joins the next, and goes alone after the
second. Afterwards it shares what becomes of the answer: to its end, or told that it is broken off.
"""

from dataclasses import replace

from gateway.core.accounting import best_usage, hit_hold_usd_nano
from gateway.core.cache_rules import is_fresh
from gateway.core.flight import goes_alone, may_share
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.flight import Ending
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.tier import Tier
from gateway.pipeline.flight import Flight
from gateway.pipeline.flights import until_s
from gateway.pipeline.heartbeat import Heartbeat
from gateway.pipeline.hold import place_hold
from gateway.pipeline.journey import Canonical, Looked, Trail
from gateway.pipeline.kept import Kept, Reader
from gateway.pipeline.lookup import CLAIM_WITHIN_S, COALESCED, EXACT, MISS
from gateway.pipeline.relay import what_is_missing
from gateway.pipeline.replay import SUCCESS, hit_baseline_usd_nano, hit_charge, replay
from gateway.pipeline.respond import begin_stream
from gateway.pipeline.world import World
from gateway.ports import ClientGone
from gateway.wire.headers import tiergate_headers
from gateway.wire.sse import DONE
from gateway.wire.stream_scanner import StreamScanner


def board(trail: Trail, world: World) -> Flight | None:
    """Return the flight to follow; None where the request is made: as one that others may follow, or by itself."""
    looked, canonical = trail.looked, trail.canonical
    assert looked is not None
    assert canonical is not None
    if looked.cache != MISS or looked.key is None:
        return None
    if not may_share(looked.control, coalesces=canonical.route.cache.coalesces):
        return None
    flight = world.flights.find(canonical, looked.key, looked.purge, world.clock.now_s())
    if flight is None and looked.leads:
        trail.flight = world.flights.lead(canonical, looked.key, looked.purge)
    elif flight is None:
        flight = world.flights.watch(looked.key, looked.purge, world.cache.watch)
    return flight


def end_flight(trail: Trail, world: World, ending: Ending = Ending.FAILED) -> None:
    """End the flight that a request led without an answer; one that is kept ends once it is stored."""
    if trail.flight is not None:
        trail.flight.let_go()
        if not trail.is_kept:
            world.flights.end(trail.flight, ending)


async def follow(trail: Trail, flight: Flight | None, world: World) -> bool:
    """Wait for the answer of a flight and give it; False where the request has to be made after all.

    Raises GatewayError and ClientGone as any answer may.
    """
    looked, canonical = trail.looked, trail.canonical
    assert looked is not None
    assert canonical is not None
    follower = _Follower(trail, canonical, looked, world)
    failures = 0
    while flight is not None:
        ending = await follower.ride(flight)
        if ending is Ending.KEPT:
            return True
        failures += ending is Ending.FAILED
        if goes_alone(ending, failures):
            return False
        flight = await _board_again(trail, looked, looked.key, world)
    return False


async def _board_again(trail: Trail, looked: Looked, key: ExactKey | None, world: World) -> Flight | None:
    """Look once more who asks for the answer, or whether there is one by now, in what is left of the look-up's time."""
    assert key is not None, "what is followed lies under a key"
    claim = await world.cache.claim(key, max(0.0, CLAIM_WITHIN_S - looked.waited_s))
    is_hit = claim.answer is not None and is_fresh(claim.answer, looked.control, world.clock.wall_s())
    trail.looked = replace(
        looked,
        cache=EXACT if is_hit else MISS,
        hit=claim.answer if is_hit else None,
        purge=world.cache.purge_number(key.tenant),
        leads=claim.leads,
    )
    return board(trail, world)


class _Follower:
    """One request that follows."""

    def __init__(self, trail: Trail, canonical: Canonical, looked: Looked, world: World) -> None:
        self._trail = trail
        self._canonical = canonical
        self._looked = looked
        self._world = world
        self._until_s = until_s(canonical)
        self._reader = Reader()
        self._beat = Heartbeat(trail)
        self._sent_s = world.clock.now_s()
        self._waited_s = 0.0
        trail.arrival.responder.watch(self._reader.wake)

    async def ride(self, flight: Flight) -> Ending:
        """Follow a flight to its end; `Ending.KEPT` once its answer was given."""
        trail, world = self._trail, self._world
        trail.looked = replace(self._looked, cache=COALESCED)
        world.flights.join(flight, self._reader)
        try:
            ending = await self._until_answered(flight)
        finally:
            world.flights.leave(flight, self._reader)
            trail.looked = replace(trail.looked, waited_s=self._looked.waited_s + self._waited_s)
        if ending is not Ending.KEPT:
            trail.looked = replace(trail.looked, cache=MISS)
        return ending

    async def _until_answered(self, flight: Flight) -> Ending:
        reads = self._canonical.request.stream
        while flight.ending is None:
            stream = flight.stream
            if stream is not None and not stream.is_whole:
                return Ending.NOT_KEPT
            if stream is not None and reads:
                assert flight.tier is not None, "content is somebody's"
                return await self._read(flight, stream, flight.tier)
            await self._wait()
        if flight.ending is Ending.KEPT:
            assert flight.answer is not None, "what is kept is at hand"
            assert self._trail.looked is not None
            self._trail.looked = replace(self._trail.looked, hit=flight.answer)
            await replay(self._trail, flight.answer, self._world)
        return flight.ending

    async def _read(self, flight: Flight, stream: Kept, tier: Tier) -> Ending:
        """Pass a stream on as it comes. `Ending.NOT_KEPT` where it turns out to be no hit before any of it was sent."""
        request, trail = self._canonical.request, self._trail
        scanner = StreamScanner(include_usage=request.include_usage, choices=request.choices)
        reader, responder, now_s = self._reader, trail.arrival.responder, self._world.clock.now_s
        reader.at = 0
        try:
            passed = scanner.feed(stream.take(reader))
            if scanner.has_tool_calls and not self._canonical.route.cache.tool_calls:
                return Ending.NOT_KEPT
            await self._begin(tier)
            while True:
                if passed:
                    await responder.send_chunk(passed)
                    self._sent_s = now_s()
                if scanner.is_over or (scanner.is_complete and not request.include_usage):
                    break
                data = stream.take(reader)
                if not data and (stream.is_written or flight.ending is not None):
                    break
                if not data:
                    await self._wait()
                passed = scanner.feed(data)
            await self._finish(scanner, tier)
        finally:
            reader.at = None
        return Ending.KEPT

    async def _begin(self, tier: Tier) -> None:
        """Send a stream's head. Raises GatewayError where the tenant's allowance has no room for a request."""
        trail, canonical, arrival = self._trail, self._canonical, self._trail.arrival
        share_ppm = canonical.route.cache.hit_price_ppm
        if not canonical.admitted.key.tenant.allowance.is_unlimited:
            amount_usd_nano = hit_hold_usd_nano(canonical.request, tier, share_ppm)
            await place_hold(canonical, self._world, amount_usd_nano, tokens=0)
        self._note(tier)
        if trail.head_sent:
            return
        told = tiergate_headers(
            request_id=arrival.request_id,
            snapshot=arrival.snapshot.id,
            cache=COALESCED,
            tier=tier.name,
            model=tier.model,
            attempts=0,
            cost_usd_nano=None if share_ppm else 0,
        )
        await begin_stream(trail, told)

    async def _finish(self, scanner: StreamScanner, tier: Tier) -> None:
        """End a stream. Raises GatewayError where it is not complete."""
        trail, canonical = self._trail, self._canonical
        tail = scanner.finish()
        missing = what_is_missing(scanner)
        if missing is not None:
            message = f"The answer is incomplete: {missing}. Ask again for a whole one."
            raise GatewayError(ErrorCode.STREAM_INTERRUPTED, message)
        chunks, prompt_tokens = scanner.content_chunks, canonical.request.input_tokens
        usage = best_usage(scanner.usage, input_tokens=prompt_tokens, content_chunks=chunks, content_bytes=0)
        trail.usage, trail.charge_usd_nano = usage, hit_charge(canonical, tier.name, usage)
        trail.baseline_usd_nano = hit_baseline_usd_nano(canonical, usage)
        await trail.arrival.responder.finish(tail + DONE)
        trail.is_told, trail.outcome = True, SUCCESS[COALESCED]

    def _note(self, tier: Tier) -> None:
        looked, wall_s = self._trail.looked, self._world.clock.wall_s()
        assert looked is not None
        # Its text is not at hand, and nobody asks for it: what is recorded of a hit is whose it is.
        hit = CachedAnswer(b"", tier.name, tier.model, 0, 0, wall_s)
        self._trail.looked = replace(looked, hit=hit)

    async def _wait(self) -> None:
        """Wait for news, with signs of life for who waits for a stream.

        Raises GatewayError `deadline_exceeded` when the request's own time is up, and ClientGone.
        """
        trail, now_s = self._trail, self._world.clock.now_s
        began_s = now_s()
        left_s = max(0.0, self._until_s - began_s)
        beat_s = self._canonical.route.heartbeat_s if self._canonical.request.stream else None
        quiet_s = left_s if beat_s is None else max(0.0, self._sent_s + beat_s - began_s)
        is_news = await self._reader.wait(min(left_s, quiet_s))
        self._waited_s += now_s() - began_s
        if trail.arrival.responder.gone.is_set():
            raise ClientGone
        if is_news:
            return
        if left_s <= quiet_s:
            message = "Its time was up while the answer to the same request of another caller was awaited."
            raise GatewayError(ErrorCode.DEADLINE_EXCEEDED, message)
        await self._beat()
        self._sent_s = now_s()
