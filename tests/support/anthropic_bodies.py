"""Bodies as servers of Anthropic's Messages API write them: whole messages and stream events."""

from tests.support.behaviours import json_reply, sse_reply
from tests.support.openai_bodies import Words, dump
from tests.support.scripts import Behaviour, Script, SeenRequest

Json = dict[str, object]
SIGNED: Json = {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
"""A thought as such a server gives it, which no chat can hold whole."""


def message(said: Words, *blocks: Json, **members: object) -> Json:
    """A whole message: the given blocks, then the words, or the call of a tool in their place."""
    spoken: Json = {"type": "text", "text": "".join(said.pieces)}
    if said.tool is not None:
        spoken = {"type": "tool_use", "id": said.tool.id, "name": said.tool.name, "input": {"town": "Ulm"}}
    usage = {
        "input_tokens": said.input_tokens - said.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": said.cached_tokens,
        "output_tokens": said.output_tokens,
    }
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": said.model,
        "content": [*blocks, spoken],
        "stop_reason": "tool_use" if said.tool is not None else "end_turn",
        "stop_sequence": None,
        "usage": usage,
        **members,
    }


def named(data: Json) -> bytes:
    """Frame an event, spelt as Anthropic's servers spell it."""
    return b"event: %b\ndata: %b\n\n" % (str(data["type"]).encode(), dump(data))


def message_events(said: Words, *, signed: bool = False) -> tuple[bytes, ...]:
    """The events of a streamed message, a signed thought before the words if asked for."""
    whole = message(said)
    begun = {
        **whole,
        "content": [],
        "stop_reason": None,
        "usage": {
            "input_tokens": said.input_tokens - said.cached_tokens,
            "cache_read_input_tokens": said.cached_tokens,
            "output_tokens": 1,
        },
    }
    events: list[Json] = [{"type": "message_start", "message": begun}]
    at = 0
    if signed:
        events += [
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "thinking", "thinking": "", "signature": ""},
            },
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "sig"}},
            {"type": "content_block_stop", "index": 0},
        ]
        at = 1
    block: Json = {"type": "text", "text": ""}
    deltas: list[Json] = [{"type": "text_delta", "text": piece} for piece in said.pieces]
    if said.tool is not None:
        block = {"type": "tool_use", "id": said.tool.id, "name": said.tool.name, "input": {}}
        half = len(said.tool.arguments) // 2
        pieces = ("", said.tool.arguments[:half], said.tool.arguments[half:])
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    events.append({"type": "content_block_start", "index": at, "content_block": block})
    events.append({"type": "ping"})
    events += [{"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas]
    events.append({"type": "content_block_stop", "index": at})
    ending = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ending, "usage": {"output_tokens": said.output_tokens}})
    events.append({"type": "message_stop"})
    return tuple(named(event) for event in events)


def speaks_messages(said: Words | None = None, *, signed: bool = False) -> Behaviour:
    """Answer like a sound server of the Messages API, whole or streamed."""

    def behave(request: SeenRequest) -> Script:
        words = said or Words(model=request.model)
        if request.json.get("stream"):
            return sse_reply(*message_events(words, signed=signed))
        return json_reply(200, dump(message(words, *([SIGNED] if signed else []))))

    return behave
