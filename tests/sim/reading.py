"""Reads what a client received, as a client would: which tokens of which call, and how it ended."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from tests.sim.answers import WATERMARK, WHOLE_ID
from tests.sim.client import SimClient

PING: Final = b": ping"
_BLANK: Final = re.compile(rb"\r\n\r\n|\n\n")


class Read(Struct, frozen=True):
    """An answer as a client read it. `kind` is `nothing`, `error`, `whole` or `stream`."""

    kind: str
    tokens: tuple[tuple[int, int, int], ...] = ()
    """Request, call and number of each token, in the order in which they came."""
    code: str | None = None
    """What an error said, as a response or in band."""
    done: int = 0
    """How often a stream said that it was whole."""
    is_last: bool = True
    """Whether nothing came behind what ends a stream."""
    has_finish: bool = False
    usages: int = 0
    """How many events told usage and nothing else."""
    blocks: tuple[bytes, ...] = ()
    """The events as they came, but for the end and for what only keeps connections open."""
    made_by: tuple[int, int] | None = None
    """The request and the call whose answer it is: of the first token, or as a whole answer without any names them."""
    fault: str = ""
    """Why it cannot be read."""


def read(client: SimClient) -> Read:
    """Read everything that a client has received."""
    responder = client.responder
    if responder.status is None:
        return Read("nothing")
    body = responder.body
    if responder.headers[b"content-type"].startswith(b"text/event-stream"):
        return _stream(body)
    if not responder.finished:
        return Read("nothing")
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return Read("whole", fault="no JSON")
    if "error" in told:
        return Read("error", code=told["error"]["code"])
    text = told["choices"][0]["message"]["content"]
    named, tokens = WHOLE_ID.fullmatch(told.get("id", "")), _tokens(text)
    made_by = _made_by(tokens) if tokens or named is None else (int(named[1]), int(named[2]))
    has_finish = told["choices"][0]["finish_reason"] is not None
    return Read("whole", tokens=tokens, has_finish=has_finish, made_by=made_by)


def blocks_of(data: bytes) -> list[bytes]:
    """Cut a stream into its events, blank line included; what is unfinished is left out."""
    blocks, at = [], 0
    for blank in _BLANK.finditer(data):
        blocks.append(data[at : blank.end()])
        at = blank.end()
    return blocks


def payload_of(block: bytes) -> bytes | None:
    """Return an event's data, None where it has none."""
    lines = [line for line in block.splitlines() if line.startswith(b"data:")]
    return b"\n".join([line.removeprefix(b"data:").strip() for line in lines]) if lines else None


def tells_usage_alone(payload: bytes) -> bool:
    """Tell whether an event says what was used and nothing else."""
    return b'"choices":[]' in payload and b'"usage":{' in payload


def _tokens(text: str) -> tuple[tuple[int, int, int], ...]:
    return tuple([(int(ask), int(call), int(number)) for ask, call, number in WATERMARK.findall(text)])


def _made_by(tokens: Sequence[tuple[int, int, int]]) -> tuple[int, int] | None:
    return tokens[0][:2] if tokens else None


def _stream(body: bytes) -> Read:
    tokens: list[tuple[int, int, int]] = []
    kept: list[bytes] = []
    done, usages, has_finish, is_last, code = 0, 0, False, True, None
    for block in blocks_of(body):
        if block.startswith(PING):
            continue
        payload = payload_of(block)
        is_last = is_last and not done and code is None
        if payload == b"[DONE]":
            done += 1
        elif payload is not None and payload.startswith(b'{"error"'):
            code = msgspec.json.decode(payload)["error"]["code"]
        else:
            kept.append(block)
            tokens += _tokens((payload or b"").decode())
            usages += payload is not None and tells_usage_alone(payload)
            has_finish = has_finish or b'"finish_reason":"stop"' in (payload or b"")
    return Read("stream", tuple(tokens), code, done, is_last, has_finish, usages, tuple(kept), _made_by(tokens))
