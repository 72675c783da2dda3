"""One upstream call, from the request line to the first content in hand.

It ends with `attempt.opened`, whose remaining bytes the relay reads, or in `AttemptError`, which says what the machine
must know to decide what follows. Nothing here decides.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

import httpx

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.outcome import FailureKind
from gateway.domain.receipt import AttemptReport
from gateway.domain.request import CanonicalRequest, Operation
from gateway.domain.tier import Endpoint, Tier
from gateway.pipeline.opened import Opened
from gateway.pipeline.question import Put, Question
from gateway.pipeline.translation import Translation
from gateway.ports import Clock, OwnShortage, StaleConnection, UpstreamTransport, ready_request
from gateway.wire.answer_faults import find_fault
from gateway.wire.dialects import DIALECTS
from gateway.wire.headers import retry_after_s
from gateway.wire.openai_response import AnswerMalformed, read_answer
from gateway.wire.problem import upstream_rejection
from gateway.wire.sse import StreamMalformed
from gateway.wire.stream_scanner import StreamScanner
from gateway.wire.trace_context import write_trace
from gateway.wire.upstream_error import connection_words, public_text, without_host

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""A whole answer is held in memory until it is checked; no model writes a longer one."""
ERROR_BYTES_MAX: Final = 64 * 1024
"""Of an error's body, as much is read as is worth telling; a longer one is told without its reason."""
PRELUDE_BYTES_MAX: Final = 256 * 1024
"""What a stream may send before its first content."""
# 501 is a server saying that it never does this (llama.cpp, asked for embeddings); its neighbours would say so too.
_CLIENT_AT_FAULT: Final = frozenset({400, 409, 413, 415, 422, 501})
_BUSY: Final = frozenset({429, 503, 529})


class AttemptError(Exception):
    """An attempt came to nothing. `told` is what the client hears if no other attempt follows.

    `is_ours` says that it was for want of room on our side, so that nothing is known against the server.
    """

    def __init__(
        self,
        kind: FailureKind,
        detail: str,
        *,
        retry_after_s: float | None = None,
        told: GatewayError | None = None,
        is_ours: bool = False,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.told = told
        self.is_ours = is_ours

    def without_frames(self) -> Self:
        """Let go of its traceback, whose frames hold the attempt, which holds this: only the collector frees both."""
        self.__traceback__ = self.__cause__ = self.__context__ = None
        return self


@dataclass(slots=True)
class Attempt:
    """One upstream call under way or over. Times are monotonic seconds."""

    number: int
    tier: Tier
    endpoint: Endpoint
    started_s: float
    fresh_connection: bool = False
    prompt_cache_key: str | None = None
    expected_cached_tokens: int = 0
    """Of the prompt, what its server was believed to have computed already."""
    task: asyncio.Task[None] | None = None
    opened: Opened | None = None
    error: AttemptError | None = None
    headers_s: float | None = None
    first_content_s: float | None = None
    ended_s: float | None = None
    status: int | None = None
    failure: FailureKind | None = None
    detail: str = ""
    removed: tuple[str, ...] = ()
    """What its server could not accept, and was not sent."""

    def end(self, now_s: float, failure: FailureKind | None, detail: str = "") -> None:
        """Note the end; the first one counts."""
        if self.ended_s is None:
            self.ended_s, self.failure, self.detail = now_s, failure, detail

    def report(self, zero_s: float, charge_usd_nano: int, waste_usd_nano: int) -> AttemptReport:
        """Render for the receipt, in milliseconds since `zero_s`."""

        def ms(at_s: float | None) -> float | None:
            return None if at_s is None else (at_s - zero_s) * 1e3

        assert self.ended_s is not None, "reported before its end"
        return AttemptReport(
            self.number,
            self.tier.name,
            self.endpoint.id,
            (self.started_s - zero_s) * 1e3,
            ms(self.headers_s),
            ms(self.first_content_s),
            (self.ended_s - zero_s) * 1e3,
            self.status,
            self.failure,
            self.detail,
            charge_usd_nano,
            waste_usd_nano,
            self.removed,
            self.expected_cached_tokens,
            self.tier.model,
        )


async def open_attempt(attempt: Attempt, question: Question, transport: UpstreamTransport, clock: Clock) -> None:
    """Send the request and wait for content, into `attempt.opened`.

    Raises AttemptError. Safe to cancel: the connection is then closed, which is how the server learns of it.
    """
    try:
        put = question.put_to(attempt.tier, attempt.endpoint, attempt.prompt_cache_key)
    except GatewayError as error:
        raise AttemptError(FailureKind.REJECTED, error.message, told=error) from error
    attempt.removed = put.removed
    response = await _send(attempt, question, put, transport)
    attempt.status, attempt.headers_s = response.status_code, clock.now_s()
    try:
        if not 200 <= response.status_code < 300:
            raise await _refusal(response, clock.wall_s())
        translation = None
        if put.operation in DIALECTS:
            translation = Translation(put.operation, question.request, clock.wall_s())
        if question.request.stream:
            attempt.opened = await _open_stream(response, question.request, translation)
        else:
            attempt.opened = await _read_whole(response, translation)
            _check_fitness(attempt.opened, question)
    except httpx.TransportError as error:
        raise AttemptError(FailureKind.BAD_ANSWER, f"broke off before any content: {words(error, attempt)}") from error
    finally:
        if attempt.opened is None:
            await response.aclose()


async def _send(attempt: Attempt, question: Question, put: Put, transport: UpstreamTransport) -> httpx.Response:
    url = _url(attempt.endpoint.base_url, put.operation)
    place = () if question.trace is None else write_trace(question.trace, attempt.number)
    headers = question.headers_for(attempt.endpoint, put, place)
    try:
        return await transport.handle_async_request(
            ready_request(
                url,
                headers,
                put.body,
                connect_timeout_s=attempt.tier.limits.connect_s,
                sends_once=True,
                fresh_connection=attempt.fresh_connection,
            )
        )
    except StaleConnection as error:
        raise AttemptError(FailureKind.STALE, words(error, attempt)) from error
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        is_ours = isinstance(error, httpx.PoolTimeout | OwnShortage)
        raise AttemptError(FailureKind.CONNECT, words(error, attempt), is_ours=is_ours) from error
    except httpx.TransportError as error:
        raise AttemptError(FailureKind.NO_RESPONSE, words(error, attempt)) from error


@lru_cache(maxsize=1024)
def _url(base_url: str, operation: Operation) -> httpx.URL:
    return httpx.URL(f"{base_url}/{operation.value}")


async def _refusal(response: httpx.Response, wall_s: float) -> AttemptError:
    status = response.status_code
    if status in _BUSY:
        wait_s = retry_after_s(response.headers.raw, wall_s)
        return AttemptError(FailureKind.BUSY, f"answered {status}", retry_after_s=wait_s)
    if status in _CLIENT_AT_FAULT:
        told = upstream_rejection(status, await _read_beginning(response, ERROR_BYTES_MAX))
        is_too_long = told.code is ErrorCode.CONTEXT_LENGTH_EXCEEDED
        kind = FailureKind.CONTEXT_LENGTH if is_too_long else FailureKind.REJECTED
        return AttemptError(kind, told.message, told=told)
    # 401, 403 and 404 are about our credentials and our model's name, not about the client's.
    return AttemptError(FailureKind.SERVER_ERROR, f"answered {status}")


async def _read_whole(response: httpx.Response, translation: Translation | None) -> Opened:
    came = body = await _read(response, ANSWER_BYTES_MAX)
    try:
        if translation is not None:
            body = translation.answer(came)
        answer = read_answer(body)
    except AnswerMalformed as error:
        raise AttemptError(FailureKind.BAD_ANSWER, str(error)) from error
    if answer.error is not None:
        raise AttemptError(FailureKind.SERVER_ERROR, answer.error)
    if translation is None:
        return Opened(response, body, answer=answer)
    told = came if translation.is_native else None
    return Opened(response, body, answer=answer, told=told, is_lossless=translation.is_lossless)


def _check_fitness(opened: Opened, question: Question) -> None:
    """Look for faults that the route minds. Raises AttemptError, with the answer in hand all the same."""
    if question.unfit:
        fault = find_fault(opened.body, question.request.body, question.unfit)
        if fault is not None:
            raise AttemptError(fault.kind, fault.told)


async def _open_stream(response: httpx.Response, request: CanonicalRequest, translation: Translation | None) -> Opened:
    scanner = StreamScanner(include_usage=request.include_usage, choices=request.choices)
    rest: AsyncIterator[bytes] = aiter(response.stream)  # type: ignore[arg-type]
    if translation is not None:
        rest = translation.stream(rest)
    fed: list[bytes] = []
    passed: list[bytes] = []
    size_bytes = 0
    try:
        while not scanner.has_content and not scanner.is_over and size_bytes <= PRELUDE_BYTES_MAX:
            chunk = await anext(rest, None)
            if chunk is None:
                passed.append(scanner.finish())
                break
            size_bytes += len(chunk)
            fed.append(chunk)
            passed.append(scanner.feed(chunk))
    except StreamMalformed as error:
        raise AttemptError(FailureKind.BAD_ANSWER, str(error)) from error
    if scanner.has_content or (scanner.error is None and scanner.finish_reason is not None):
        opened = Opened(response, b"".join(fed), scanner=scanner, prelude=b"".join(passed), rest=rest)
        if translation is not None:
            opened.is_lossless = translation.is_lossless
        return opened
    if scanner.error is not None:
        raise AttemptError(FailureKind.SERVER_ERROR, scanner.error)
    raise AttemptError(FailureKind.BAD_ANSWER, f"{size_bytes} bytes of a stream without any content")


async def _read(response: httpx.Response, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    size_bytes = 0
    async for part in response.stream:  # type: ignore[union-attr]
        size_bytes += len(part)
        if size_bytes > limit_bytes:
            raise AttemptError(FailureKind.BAD_ANSWER, f"an answer of more than {limit_bytes} bytes")
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _read_beginning(response: httpx.Response, size_bytes: int) -> bytes:
    beginning = b""
    async for part in response.stream:  # type: ignore[union-attr]
        beginning += part
        if len(beginning) >= size_bytes:
            break
    return beginning[:size_bytes]


def words(error: httpx.TransportError, attempt: Attempt) -> str:
    """Say what befell a connection, without numbers of the system and without saying where it led.

    Clients and their receipts are told this.
    """
    host = httpx.URL(attempt.endpoint.base_url).host
    said = public_text(without_host(connection_words(str(error)), host))
    return said or ("timed out" if isinstance(error, httpx.TimeoutException) else "connection failed")
