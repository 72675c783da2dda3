"""Chats' answers, whole and streamed, and what OpenAI's own types make of what they are translated to."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.wire.responses.echo import echo
from gateway.wire.sse import decode_events
from tests.support.openai_bodies import event

REQUEST = b'{"model":"auto","input":"Hello"}'
ECHO = echo(REQUEST)
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 4,
    "total_tokens": 13,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
TOKEN = {"token": "Hi", "bytes": [72, 105], "logprob": -0.5, "top_logprobs": []}
_SHELL = {"id": "chatcmpl-7", "created": 1_700_000_000, "model": "m"}
# Built here: the first test to need them would wait for it, longer than a property may take.
Response.model_rebuild(force=True)
_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
_EVENT.rebuild(force=True)


def whole(message: Mapping[str, Any], ending: str = "stop", **members: Any) -> bytes:
    """A chat's whole answer."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": ending}
    return json.dumps({**_SHELL, "object": "chat.completion", "choices": [choice], "usage": USAGE, **members}).encode()


def chunk(delta: Mapping[str, Any], ending: str | None = None, **members: Any) -> bytes:
    """One event of a chat's stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": ending, **members}
    return event({**_SHELL, "object": "chat.completion.chunk", "choices": [choice]})


def used(usage: Mapping[str, Any] = USAGE) -> bytes:
    """The event with the usage."""
    return event({**_SHELL, "object": "chat.completion.chunk", "choices": [], "usage": usage})


def call(arguments: str = '{"town":"Paris"}', **members: Any) -> dict[str, Any]:
    """A call of a function."""
    return {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": arguments}, **members}


def response_of(body: bytes) -> dict[str, Any]:
    """Return a response that OpenAI's own type accepts."""
    value: dict[str, Any] = json.loads(body)
    Response.model_validate(value)
    return value


def events_of(stream: bytes) -> list[dict[str, Any]]:
    """Return a stream's events, each of a kind that OpenAI's client knows, named by it, and numbered without a gap."""
    events = []
    for number, told in enumerate(decode_events(stream)):
        value = json.loads(told.data or b"")
        _EVENT.validate_python(value)
        assert (value["type"].encode(), value["sequence_number"]) == (told.name, number)
        events.append(value)
    return events


def kinds(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what kinds of events came, in order."""
    return [told["type"].removeprefix("response.") for told in events]
