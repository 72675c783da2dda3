"""The request bodies of the tests: a conversation of a given size, to stream or not, to cache or not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from load_tests.plan import COUNTER

SYSTEM = "You answer questions about a batch scheduler. Be brief, and name the section of the manual you rely on."
TURN = "How does the scheduler of section {turn} choose the next job, and what becomes of those it passes over? "
LAST = f"Ticket {COUNTER}: which of these rules holds when two jobs are equal?"

Api = Literal["chat", "messages", "responses"]
PATHS: Mapping[Api, str] = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
"""Where a body of each API is sent."""


@dataclass(frozen=True, slots=True)
class BodyKind:
    """What a body asks for.

    `unique` puts the driver's counter into the last turn, so that no cache can answer. `chunk_delay_us` not None asks
    for a stream of `max_tokens` chunks that far apart (the model server's `obey_body`).
    """

    size_bytes: int = 2_000
    unique: bool = True
    temperature: float = 0.0
    chunk_delay_us: int | None = None
    max_tokens: int = 50
    compact: bool = False
    """Without spaces after commas and colons, as the official clients write it; with them it is dearer to read."""
    api: Api = "chat"
    """In which API the conversation is written: OpenAI's chat completions, Anthropic's Messages, OpenAI's Responses."""


def request_body(kind: BodyKind, model: str = "auto") -> bytes:
    """Return a request of at most `size_bytes` and at most a sentence less, in turns of about 200 bytes."""
    messages = [{"role": "system", "content": SYSTEM}]
    last = LAST if kind.unique else LAST.replace(COUNTER, "7")
    end = {"role": "user", "content": last}
    for number in range(0, kind.size_bytes, 2):
        pair = [_turn("user", number), _turn("assistant", number + 1)]
        if len(_with_messages(kind, model, [*messages, *pair, end])) > kind.size_bytes:
            break
        messages += pair
    missing = kind.size_bytes - len(_with_messages(kind, model, [*messages, end]))
    messages[0]["content"] += (" " + SYSTEM) * (missing // len(SYSTEM))
    return _with_messages(kind, model, [*messages, end])


def _turn(role: str, number: int) -> dict[str, str]:
    return {"role": role, "content": TURN.format(turn=number) * 2}


def _with_messages(kind: BodyKind, model: str, messages: list[dict[str, str]]) -> bytes:
    system, *turns = messages
    body: dict[str, object] = {"model": model, "temperature": kind.temperature}
    match kind.api:
        case "chat":
            body |= {"messages": messages, "max_tokens": kind.max_tokens}
        case "messages":
            body |= {"system": system["content"], "messages": turns, "max_tokens": kind.max_tokens}
        case "responses":
            body |= {"instructions": system["content"], "input": turns, "max_output_tokens": kind.max_tokens}
    if kind.chunk_delay_us is not None:
        body |= {"stream": True, "seed": kind.chunk_delay_us}
    if kind.chunk_delay_us is not None and kind.api == "chat":
        body["stream_options"] = {"include_usage": True}
    return json.dumps(body, separators=(",", ":") if kind.compact else None).encode()
