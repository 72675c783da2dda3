"""Stage 7, relay: pass the committed answer on, byte-faithfully, and find out what it used.

A stream goes chunk by chunk with the client's back-pressure: the next chunk is read when the last one was taken. There
is no queue between the two sides, unless others follow the answer (`flight.py`): they are not to wait for that client.
"""

import asyncio

import httpx

from gateway.core.exchange_events import AttemptFailed, Ended, LastContent
from gateway.domain.outcome import FailureKind, Outcome
from gateway.pipeline.attempt import Attempt, words
from gateway.pipeline.failure_words import interruption, rejection
from gateway.pipeline.interpreter import Interpreter
from gateway.pipeline.journey import Trail
from gateway.pipeline.keep import keep
from gateway.pipeline.kept import KEPT_WAITING_BYTES_MAX, Kept
from gateway.pipeline.opened import Opened
from gateway.pipeline.respond import send_answer, send_stream_head
from gateway.pipeline.sum_up import sum_up
from gateway.pipeline.world import World
from gateway.ports import ClientGone
from gateway.wire.sse import DONE, StreamMalformed
from gateway.wire.stream_scanner import StreamScanner

_END_WITHIN_S = 0.1
"""How long a body's end may come after the answer's in it; waiting on would cost more than a new connection."""


async def relay(trail: Trail, exchange: Interpreter, world: World) -> None:
    """Pass on what the exchange committed to, and note what it used.

    Raises GatewayError where the client must be told of a failure, and ClientGone.
    """
    attempt = exchange.committed
    try:
        if attempt is not None and exchange.outcome is None:
            await _pass_on(trail, exchange, attempt, world)
    finally:
        if trail.relayed is None:
            sum_up(trail, exchange, attempt, world, answer=b"")
        trail.outcome = exchange.outcome or trail.outcome
    assert exchange.outcome is not None, "the exchange is over"
    if exchange.rejection is not None:
        raise rejection(exchange, trail.arrival.request_id)
    if exchange.aborted is not None:
        raise interruption(exchange)
    if trail.outcome is not Outcome.SUCCESS_UPSTREAM:
        raise ClientGone


async def _pass_on(trail: Trail, exchange: Interpreter, attempt: Attempt, world: World) -> None:
    opened = attempt.opened
    assert opened is not None, "committed, so its content is in hand"
    if opened.scanner is None:
        # A whole answer is priced before it is sent: its cost goes out in a header.
        sum_up(trail, exchange, attempt, world, answer=opened.body)
        exchange.post(Ended(attempt.number))
        _hand_on(trail, exchange, world)
        await send_answer(trail, attempt, opened.told or opened.body, attempts=len(exchange.attempts))
        return
    # The client is waited for until its last byte, but for the time that the server is.
    exchange.is_sending = True
    kept = Kept(opened.body, wanted=trail.looked is not None and trail.looked.key is not None)
    with exchange.interruptible():
        await exchange.beat_over()
        await _begin(trail, exchange, attempt, kept)
        await _stream(trail, exchange, attempt, opened, opened.scanner, kept, world)
    if exchange.outcome is Outcome.SUCCESS_UPSTREAM:
        await _read_out(opened, opened.scanner)
        # The server is done with, however long the client takes over its last byte.
        await opened.response.aclose()
        if trail.is_followed:
            sum_up(trail, exchange, attempt, world, answer=kept.join())
            _hand_on(trail, exchange, world)
            await _end_stream(trail, exchange, world)
            return
        await _end_stream(trail, exchange, world)
        sum_up(trail, exchange, attempt, world, answer=kept.join())


async def _begin(trail: Trail, exchange: Interpreter, attempt: Attempt, kept: Kept) -> None:
    """Send the head of a stream, and let whoever follows read what stands behind it."""
    try:
        await send_stream_head(trail, attempt, attempts=len(exchange.attempts))
    except ClientGone:
        _go_on_without(trail)
    if trail.flight is not None:
        trail.flight.streams(kept, attempt.tier)


def _hand_on(trail: Trail, exchange: Interpreter, world: World) -> None:
    """Give a complete answer to whoever follows before its own client has it, who may take its time or have left."""
    trail.outcome = exchange.outcome or trail.outcome
    if trail.flight is not None and trail.flight.is_followed:
        trail.flight.is_written()
        keep(trail, world)


async def _stream(
    trail: Trail,
    exchange: Interpreter,
    attempt: Attempt,
    opened: Opened,
    scanner: StreamScanner,
    kept: Kept,
    world: World,
) -> None:
    failure = None
    try:
        await _relay_chunks(trail, exchange, opened, scanner, kept, world)
    except StreamMalformed as error:
        failure = str(error)
    except httpx.TransportError as error:
        failure = words(error, attempt)
    failure = failure or what_is_missing(scanner)
    if failure is not None:
        attempt.end(world.clock.now_s(), FailureKind.BROKEN, failure)
        exchange.post(AttemptFailed(attempt.number, FailureKind.BROKEN))
        return
    attempt.end(world.clock.now_s(), None)
    if scanner.is_complete and not scanner.is_over:
        assert trail.canonical is not None
        includes_usage = trail.canonical.request.include_usage
        if not includes_usage and not trail.is_followed:
            await _end_stream(trail, exchange, world)
        exchange.post(LastContent(attempt.number))
        try:
            await _await_usage(trail, opened, scanner, kept, is_told=includes_usage)
        finally:
            if trail.is_told:
                # Whatever breaks this off, the client has its answer.
                exchange.post(Ended(attempt.number))
    if not trail.is_followed:
        await _end_stream(trail, exchange, world)
    exchange.post(Ended(attempt.number))


async def _relay_chunks(
    trail: Trail, exchange: Interpreter, opened: Opened, scanner: StreamScanner, kept: Kept, world: World
) -> None:
    """The hot loop: a few microseconds a chunk beside the reading and the sending."""
    arrival, now_s, feed = trail.arrival, world.clock.now_s, scanner.feed
    assert opened.rest is not None
    is_short = scanner.is_over or scanner.is_complete
    await _send(trail, opened.prelude)
    if is_short:
        return
    exchange.waits_since_s = exchange.sent_s = now_s()
    exchange.is_sending = False
    async for chunk in opened.rest:
        exchange.is_sending = True
        passed = feed(chunk)
        if passed:
            if kept.wanted and arrival.responder.is_full:
                kept.keep_within(KEPT_WAITING_BYTES_MAX)
            try:
                await arrival.responder.send_chunk(passed)
            except ClientGone:
                _go_on_without(trail)
        if kept.wanted and kept.add(chunk):
            await kept.until_read()
        if scanner.is_complete or scanner.is_over:
            return
        # A server has its whole time from when it is waited for, however long its last chunk took to send.
        exchange.waits_since_s = now_s()
        if passed:
            exchange.sent_s = exchange.waits_since_s
        exchange.is_sending = False
    exchange.is_sending = True
    tail = scanner.finish()
    if tail:
        await _send(trail, tail)


async def _send(trail: Trail, data: bytes) -> None:
    try:
        await trail.arrival.responder.send_chunk(data)
    except ClientGone:
        _go_on_without(trail)


def _go_on_without(trail: Trail) -> None:
    """Go on for whoever follows, now that the client has left. Raises ClientGone where nobody does."""
    if not trail.is_followed:
        raise ClientGone


async def _await_usage(trail: Trail, opened: Opened, scanner: StreamScanner, kept: Kept, *, is_told: bool) -> None:
    """Read what a server says of its answer after the last of its content; a client that asked for it is told.

    The answer is complete, so that nothing which goes wrong here is a failure, and a timer of the machine ends it.
    """
    assert opened.rest is not None
    try:
        async for chunk in opened.rest:
            passed = scanner.feed(chunk)
            kept.add(chunk)
            if passed and is_told:
                await _send(trail, passed)
            if scanner.is_over:
                return
    except (StreamMalformed, httpx.TransportError):
        # What was said so far counts.
        return


async def _end_stream(trail: Trail, exchange: Interpreter, world: World) -> None:
    """Send a stream's one end, unless it was sent."""
    if trail.is_told:
        return
    exchange.is_sending = True
    await exchange.beat_over()
    await trail.arrival.responder.finish(DONE)
    trail.is_told = True
    trail.last_byte_s = world.clock.now_s()


async def _read_out(opened: Opened, scanner: StreamScanner) -> None:
    """Read on to the body's end, which often comes a packet after `[DONE]`: its connection can then be used again.

    What is told of the answer's usage even now is as true as before.
    """
    assert opened.rest is not None
    try:
        async with asyncio.timeout(_END_WITHIN_S):
            async for chunk in opened.rest:
                scanner.feed(chunk)
    except (TimeoutError, StreamMalformed, httpx.TransportError):
        # The connection is not worth waiting for, and the client has its answer.
        return


def what_is_missing(scanner: StreamScanner) -> str | None:
    """Tell why a stream that ended is not complete. Some servers send no `[DONE]`: a finish reason will do."""
    if scanner.error is not None:
        return scanner.error
    if scanner.done or scanner.finish_reason is not None:
        return None
    return "the stream ended without a finish reason"
