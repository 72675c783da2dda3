"""What one call will be answered with: a head, pieces with their work, and how it ends. Mishaps are written in here."""

from collections.abc import Sequence
from enum import Enum
from typing import Final

from msgspec import Struct

from tests.sim.answers import (
    ABSURD_TOKENS,
    Event,
    Usage,
    done_event,
    finish_event,
    role_event,
    token_event,
    usage_event,
    whole,
)
from tests.sim.case import OF_WHOLE_ANSWERS, CallFault, Mishap, Server

_DRIP: Final = 12.0
"""How much slower a dripping answer is."""
_LATE_S: Final = 5.0
_GARBAGE: Final = b"data: {this is not json\n\n"
_ERROR: Final = b'data: {"error":{"message":"out of memory","type":"server_error","code":500}}\n\n'
_TOO_LONG: Final = b'{"error":{"message":"the prompt is too long","code":"context_length_exceeded"}}'
_HTML: Final = b"<html><body><h1>Bad Gateway</h1></body></html>"


class End(Enum):
    """How a body ends."""

    WHOLE = "whole"
    RESET = "reset"
    CLOSED = "closed"
    STALL = "stall"


class Piece(Struct, frozen=True):
    """An event, and the seconds of work that it takes after the one before."""

    work_s: float
    event: Event


class Script(Struct, frozen=True):
    """An answer. `tokens` is how many it bears if it comes whole, `is_sound` whether a client may take it for whole."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    pieces: tuple[Piece, ...]
    end: End = End.WHOLE
    head_work_s: float = 0.0
    """Work before the head, beside reading the prompt."""
    never_begins: bool = False
    tokens: int = 0
    is_sound: bool = True


class Question(Struct, frozen=True):
    """What a server knows of a request. `call` counts the calls for the request so far."""

    ask: int
    call: int
    model: str
    stream: bool
    wants_usage: bool
    tokens: int
    prompt_tokens: int


_JSON: Final = ((b"content-type", b"application/json"),)
_SSE: Final = ((b"content-type", b"text/event-stream"),)


def script_for(server: Server, question: Question, fault: CallFault | None, gaps_s: Sequence[float]) -> Script:
    """Write the answer. `gaps_s` are the times that each token takes, and one more for the rest."""
    kind = None if fault is None else fault.kind
    if fault is not None and kind is Mishap.STATUS:
        return refusal(fault.status, fault.retry_after)
    if kind is Mishap.CONTEXT_LENGTH:
        return Script(400, _JSON, (Piece(0.0, Event(_TOO_LONG)),), is_sound=False)
    if kind is Mishap.ERROR_IN_200:
        return Script(200, _JSON, (Piece(0.0, Event(b'{"error":{"message":"out of memory"}}')),), is_sound=False)
    if kind is Mishap.SILENT:
        return Script(200, _SSE, (), never_begins=True, is_sound=False)
    usage = _usage(server, question, kind)
    at = 0 if fault is None else fault.at
    if question.stream:
        return _streamed(server, question, kind, at, usage, gaps_s)
    return _at_once(question, kind, usage, gaps_s)


def refusal(status: int, retry_after: str) -> Script:
    """Write an answer with an error status; a page where a proxy would write one."""
    told = ((b"retry-after", retry_after.encode()),) if retry_after else ()
    body = _HTML if status == 502 else b'{"error":{"message":"scripted refusal","type":"invalid_request_error"}}'
    return Script(status, (*_JSON, *told), (Piece(0.0, Event(body)),), is_sound=False)


def _usage(server: Server, question: Question, kind: Mishap | None) -> Usage | None:
    if kind is Mishap.NO_USAGE or server.usage == "never" or (question.stream and not question.wants_usage):
        return None
    if kind is Mishap.ABSURD_USAGE:
        return Usage(question.prompt_tokens, ABSURD_TOKENS)
    return Usage(question.prompt_tokens, question.tokens)


def _at_once(question: Question, kind: Mishap | None, usage: Usage | None, gaps_s: Sequence[float]) -> Script:
    work_s = sum(gaps_s) * (_DRIP if kind is Mishap.DRIP else 1.0)
    if kind in OF_WHOLE_ANSWERS:
        reason = "content_filter" if kind is Mishap.DECLINES else "stop"
        body = whole(question.ask, question.call, 0, question.model, usage, reason)
        piece = Piece(0.0, Event(body, usage=usage))
        return Script(200, _JSON, (piece,), head_work_s=work_s, is_sound=True)
    body = whole(question.ask, question.call, question.tokens, question.model, usage)
    half = len(body) // 2
    first, rest = Event(body[:half]), Event(body[half:], is_content=True, usage=usage)
    pieces: tuple[Piece, ...] = (Piece(0.0, first), Piece(0.0, rest))
    end = {Mishap.RESET: End.RESET, Mishap.CLOSED: End.CLOSED, Mishap.STALL: End.STALL}.get(kind or Mishap.DRIP)
    is_cut = end is not None or kind is Mishap.ENDS_EARLY
    if kind in (Mishap.GARBAGE, Mishap.EMPTY, Mishap.ERROR_EVENT):
        pieces = (Piece(0.0, Event(b"{}" if kind is Mishap.EMPTY else b'{"choices": [')),)
        return Script(200, _JSON, pieces, head_work_s=work_s, is_sound=False)
    return Script(
        200,
        _JSON,
        pieces[:1] if is_cut else pieces,
        end or End.WHOLE,
        head_work_s=work_s,
        tokens=question.tokens,
        is_sound=not is_cut,
    )


def _streamed(
    server: Server, question: Question, kind: Mishap | None, at: int, usage: Usage | None, gaps_s: Sequence[float]
) -> Script:
    slower = _DRIP if kind is Mishap.DRIP else 1.0
    pieces = [Piece(0.0, role_event(server, question.model))]
    if usage is not None and server.usage in ("zero_first", "every"):
        pieces.append(Piece(0.0, usage_event(server, question.model, Usage(question.prompt_tokens, 0))))
    for number in range(question.tokens):
        event = token_event(server, question.model, question.ask, question.call, number)
        pieces.append(Piece(gaps_s[number] * slower, event))
        if usage is not None and server.usage == "every":
            told = Usage(question.prompt_tokens, number + 1)
            pieces.append(Piece(0.0, usage_event(server, question.model, told)))
    if kind is Mishap.EMPTY:
        pieces = pieces[:1]
        return Script(200, _SSE, (*pieces, Piece(0.0, done_event(server))), is_sound=False)
    pieces.append(Piece(0.0, finish_event(server, question.model)))
    if usage is not None:
        pieces.append(Piece(gaps_s[-1], usage_event(server, question.model, usage)))
    return _ended(server, question, kind, at, pieces)


def _ended(server: Server, question: Question, kind: Mishap | None, at: int, pieces: list[Piece]) -> Script:
    """Break the stream off where the mishap says, or end it as servers do."""
    cut = [*pieces[: at + 1]]
    tokens = question.tokens
    match kind:
        case Mishap.RESET | Mishap.CLOSED | Mishap.STALL:
            end = {Mishap.RESET: End.RESET, Mishap.CLOSED: End.CLOSED, Mishap.STALL: End.STALL}[kind]
            return Script(200, _SSE, tuple(cut), end, tokens=tokens, is_sound=False)
        case Mishap.ENDS_EARLY:
            return Script(200, _SSE, tuple(cut), tokens=tokens, is_sound=False)
        case Mishap.GARBAGE | Mishap.ERROR_EVENT:
            bad = _GARBAGE if kind is Mishap.GARBAGE else _ERROR
            return Script(200, _SSE, (*cut, Piece(0.0, Event(bad))), tokens=tokens, is_sound=False)
        case Mishap.NO_DONE:
            return Script(200, _SSE, tuple(pieces), tokens=tokens)
        case Mishap.DONE_TWICE:
            ghost = Piece(0.0, Event(b'data: {"choices":[{"index":0,"delta":{"content":"ghost"}}]}\n\n'))
            again = Piece(0.0, done_event(server))
            return Script(200, _SSE, (*pieces, again, again, ghost), tokens=tokens)
        case Mishap.LATE_END:
            late = Piece(_LATE_S, Event(b": bye\n\n"))
            return Script(200, _SSE, (*pieces, Piece(0.0, done_event(server)), late), tokens=tokens)
        case _:
            return Script(200, _SSE, (*pieces, Piece(0.0, done_event(server))), tokens=tokens)
