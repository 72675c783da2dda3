"""Stage 7, relay: pass the committed answer on, byte-faithfully, and find out what it used.

A stream goes chunk by chunk with the client's back-pressure: the next chunk is read when the last one was taken. There
is no queue between the two sides.
"""

import asyncio

import httpx

from gateway.core.accounting import best_usage
from gateway.core.exchange_events import AttemptFailed, Ended
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.request import Operation
from gateway.domain.usage import NO_USAGE, TokenUsage
from gateway.pipeline.account import price
from gateway.pipeline.attempt import Attempt, Opened, words
from gateway.pipeline.failure_words import interruption, rejection
from gateway.pipeline.interpreter import Interpreter
from gateway.pipeline.journey import Relayed, Trail
from gateway.pipeline.respond import send_answer, send_stream_head
from gateway.pipeline.world import World
from gateway.ports import ClientGone, Responder
from gateway.wire.sse import DONE, StreamMalformed
from gateway.wire.stream_scanner import StreamScanner

KEPT_STREAM_BYTES_MAX = 1024 * 1024
"""Of a stream that may be cached, as much is remembered; a longer one is not cached."""
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
            _note(trail, exchange, attempt, world, answer=b"")
        if exchange.outcome is not None:
            trail.outcome = exchange.outcome
    assert exchange.outcome is not None, "the exchange is over"
    if exchange.rejection is not None:
        raise rejection(exchange, trail.arrival.request_id)
    if exchange.aborted is not None:
        raise interruption(exchange)
    if trail.outcome is not Outcome.SUCCESS_UPSTREAM:
        raise ClientGone


async def _pass_on(trail: Trail, exchange: Interpreter, attempt: Attempt, world: World) -> None:
    opened, responder = attempt.opened, trail.arrival.responder
    assert opened is not None, "committed, so its content is in hand"
    if opened.scanner is None:
        # A whole answer is priced before it is sent: its cost goes out in a header.
        _note(trail, exchange, attempt, world, answer=opened.body)
        exchange.post(Ended(attempt.number))
        await send_answer(trail, attempt, opened.body, attempts=len(exchange.attempts))
        return
    # The client is waited for until its last byte, but for the time that the server is.
    exchange.is_sending = True
    with exchange.interruptible():
        await send_stream_head(trail, attempt, attempts=len(exchange.attempts))
        await _stream(trail, exchange, attempt, opened, opened.scanner, responder, world)


async def _stream(
    trail: Trail,
    exchange: Interpreter,
    attempt: Attempt,
    opened: Opened,
    scanner: StreamScanner,
    responder: Responder,
    world: World,
) -> None:
    kept = _Kept(opened.body, wanted=trail.looked is not None and trail.looked.key is not None)
    failure = None
    try:
        await _relay_chunks(exchange, opened, scanner, kept, responder, world)
    except StreamMalformed as error:
        failure = str(error)
    except httpx.TransportError as error:
        failure = words(error, attempt)
    failure = failure or _what_is_missing(scanner)
    if failure is not None:
        attempt.end(world.clock.now_s(), FailureKind.BROKEN, failure)
        exchange.post(AttemptFailed(attempt.number, FailureKind.BROKEN))
        return
    attempt.end(world.clock.now_s(), None)
    await responder.finish(DONE)
    trail.is_told = True
    exchange.post(Ended(attempt.number))
    await _read_out(opened)
    _note(trail, exchange, attempt, world, answer=kept.join())


async def _relay_chunks(
    exchange: Interpreter,
    opened: Opened,
    scanner: StreamScanner,
    kept: "_Kept",
    responder: Responder,
    world: World,
) -> None:
    """The hot loop: a few microseconds a chunk beside the reading and the sending."""
    now_s, feed, send = world.clock.now_s, scanner.feed, responder.send_chunk
    assert opened.rest is not None
    is_short = scanner.is_over
    await send(opened.prelude)
    if is_short:
        return
    exchange.waits_since_s, exchange.is_sending = now_s(), False
    async for chunk in opened.rest:
        exchange.is_sending = True
        passed = feed(chunk)
        if passed:
            await send(passed)
        if kept.wanted:
            kept.add(chunk)
        if scanner.is_over:
            return
        # A server has its whole time from when it is waited for, however long its last chunk took to send.
        exchange.waits_since_s, exchange.is_sending = now_s(), False
    exchange.is_sending = True
    tail = scanner.finish()
    if tail:
        await send(tail)


async def _read_out(opened: Opened) -> None:
    """Read on to the body's end, which often comes a packet after `[DONE]`: its connection can then be used again."""
    assert opened.rest is not None
    try:
        async with asyncio.timeout(_END_WITHIN_S):
            async for _ in opened.rest:
                pass
    except (TimeoutError, httpx.TransportError):
        # The connection is not worth waiting for, and the client has its answer.
        return


class _Kept:
    """The raw stream, as long as it may still be cached."""

    __slots__ = ("_parts", "_size_bytes", "wanted")

    def __init__(self, first: bytes, *, wanted: bool) -> None:
        self._parts = [first]
        self._size_bytes = len(first)
        self.wanted = wanted

    def add(self, chunk: bytes) -> None:
        """Remember a chunk, or give up on a stream that has grown too long."""
        self._parts.append(chunk)
        self._size_bytes += len(chunk)
        if self._size_bytes > KEPT_STREAM_BYTES_MAX:
            self._parts.clear()
            self.wanted = False

    def join(self) -> bytes:
        """Return the stream; nothing if it is not to be kept."""
        return b"".join(self._parts) if self.wanted else b""


def _what_is_missing(scanner: StreamScanner) -> str | None:
    """Tell why a stream that ended is not complete. Some servers send no `[DONE]`: a finish reason will do."""
    if scanner.error is not None:
        return scanner.error
    if scanner.done or scanner.finish_reason is not None:
        return None
    return "the stream ended without a finish reason"


def _note(trail: Trail, exchange: Interpreter, attempt: Attempt | None, world: World, *, answer: bytes) -> None:
    """Write down how the exchange ended, and price it."""
    now_s, zero_s = world.clock.now_s(), trail.arrival.received_s
    for other in exchange.attempts:
        if other is not attempt:
            other.end(now_s, None, "given up")
    if attempt is not None:
        attempt.end(now_s, None)
    began_s = exchange.attempts[0].started_s if exchange.attempts else now_s
    relayed = Relayed(
        tier=None if attempt is None else attempt.tier,
        attempts=tuple(one.report(zero_s) for one in exchange.attempts),
        usage=NO_USAGE if attempt is None or attempt.opened is None else _usage(trail, attempt.opened),
        finish_reason=None if attempt is None or attempt.opened is None else _finish_reason(attempt.opened),
        has_tool_calls=attempt is not None and attempt.opened is not None and _has_tool_calls(attempt.opened),
        served_model=None if attempt is None else attempt.tier.model,
        first_content_s=None if attempt is None else attempt.first_content_s,
        upstream_s=now_s - began_s,
        answer=answer,
        no_retry=None if exchange.rejection is None else exchange.rejection.why,
    )
    trail.relayed = relayed
    price(trail, relayed)


def _usage(trail: Trail, opened: Opened) -> TokenUsage:
    assert trail.canonical is not None
    request = trail.canonical.request
    input_tokens = request.input_tokens
    if opened.scanner is not None:
        chunks = opened.scanner.content_chunks
        return best_usage(opened.scanner.usage, input_tokens=input_tokens, content_chunks=chunks, content_bytes=0)
    assert opened.answer is not None
    # Vectors are no tokens, however many bytes they take.
    size_bytes = 0 if request.operation is Operation.EMBEDDINGS else len(opened.body)
    return best_usage(opened.answer.usage, input_tokens=input_tokens, content_chunks=0, content_bytes=size_bytes)


def _finish_reason(opened: Opened) -> str | None:
    if opened.scanner is not None:
        return opened.scanner.finish_reason
    return None if opened.answer is None else opened.answer.finish_reason


def _has_tool_calls(opened: Opened) -> bool:
    if opened.scanner is not None:
        return opened.scanner.has_tool_calls
    return opened.answer is not None and opened.answer.has_tool_calls
