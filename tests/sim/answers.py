"""What a simulated model server writes: whole answers and streams whose every token says whose it is.

Token i of the n-th call for request r is `⟨r.n.i⟩`, so that whoever reads an answer knows which call it came from, and
whether a token is missing, doubled or out of order.
"""

import re
from typing import Final

import msgspec
from msgspec import Struct

from tests.sim.case import Server

WATERMARK: Final = re.compile("⟨([0-9]+)\\.([0-9]+)\\.([0-9]+)⟩")
WHOLE_ID: Final = re.compile("c-([0-9]+)-([0-9]+)")
ABSURD_TOKENS: Final = 10**12


class Usage(Struct, frozen=True):
    """Tokens as a server counts them."""

    input_tokens: int
    output_tokens: int


class Event(Struct, frozen=True):
    """A piece of an answer: its bytes, whether it bears a token, and what it says of usage."""

    data: bytes
    is_content: bool = False
    usage: Usage | None = None


def token(ask: int, call: int, number: int) -> str:
    """Write a token."""
    return f"⟨{ask}.{call}.{number}⟩"


def whole(ask: int, call: int, tokens: int, model: str, usage: Usage | None, finish_reason: str = "stop") -> bytes:
    """Write an answer that comes whole."""
    text = "".join([token(ask, call, number) for number in range(tokens)])
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    body = {"id": f"c-{ask}-{call}", "object": "chat.completion", "model": model, "choices": [choice]}
    return msgspec.json.encode(body if usage is None else {**body, "usage": usage_object(usage)})


def usage_object(usage: Usage) -> dict[str, int]:
    """Write usage as OpenAI does."""
    total = usage.input_tokens + usage.output_tokens
    return {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens, "total_tokens": total}


def role_event(server: Server, model: str) -> Event:
    """Begin a stream: no content yet."""
    return Event(_chunk(server, model, {"role": "assistant", "content": ""}, None))


def token_event(server: Server, model: str, ask: int, call: int, number: int) -> Event:
    """Write one token of a stream."""
    return Event(_chunk(server, model, {"content": token(ask, call, number)}, None), is_content=True)


def finish_event(server: Server, model: str) -> Event:
    """Say that the model has finished."""
    return Event(_chunk(server, model, {}, "stop"))


def usage_event(server: Server, model: str, usage: Usage) -> Event:
    """Tell usage, as the last chunk of a stream."""
    told = {"object": "chat.completion.chunk", "model": model, "choices": [], "usage": usage_object(usage)}
    return Event(_spelt(server, msgspec.json.encode(told)), usage=usage)


def done_event(server: Server) -> Event:
    """End a stream."""
    return Event(_spelt(server, b"[DONE]"))


def _chunk(server: Server, model: str, delta: dict[str, str], finish_reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    told = {"object": "chat.completion.chunk", "model": model, "choices": [choice]}
    return _spelt(server, msgspec.json.encode(told))


def _spelt(server: Server, payload: bytes) -> bytes:
    match server.spelling:
        case "crlf":
            return b"data: " + payload + b"\r\n\r\n"
        case "tight":
            return b"data:" + payload + b"\n\n"
        case "chatty":
            return b": thinking\n\nid: 7\ndata: " + payload + b"\n\n"
        case _:
            return b"data: " + payload + b"\n\n"
