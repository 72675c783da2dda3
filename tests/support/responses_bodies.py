"""Bodies as servers of OpenAI's Responses API write them: whole responses and stream events."""

from tests.support.anthropic_bodies import Json, named
from tests.support.behaviours import json_reply, sse_reply
from tests.support.openai_bodies import CREATED, Words, dump
from tests.support.scripts import Behaviour, Script, SeenRequest

SEALED: Json = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
"""A thought as OpenAI's servers give it, which no chat can hold whole."""


def response(said: Words, *items: Json) -> Json:
    """A whole response: the given items, then the words, or the call of a function in their place."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "error": None,
        "model": said.model,
        "output": [*items, _spoken(said)],
        "usage": {
            "input_tokens": said.input_tokens,
            "input_tokens_details": {"cached_tokens": said.cached_tokens},
            "output_tokens": said.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": said.input_tokens + said.output_tokens,
        },
    }


def _spoken(said: Words) -> Json:
    """The item of its words, or of its call."""
    if said.tool is None:
        part: Json = {"type": "output_text", "text": "".join(said.pieces), "annotations": [], "logprobs": []}
        return {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
    return {
        "type": "function_call",
        "id": "fc_1",
        "call_id": said.tool.id,
        "name": said.tool.name,
        "arguments": said.tool.arguments,
        "status": "completed",
    }


def response_events(said: Words, *items: Json) -> tuple[bytes, ...]:
    """The events of a streamed response, the given items whole before the words."""
    whole = response(said, *items)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[Json] = [{"type": "response.created", "response": begun}]
    for at, item in enumerate(items):
        events.append({"type": "response.output_item.done", "output_index": at, "item": item})
    place: Json = {"output_index": len(items)}
    if said.tool is None:
        events += [
            {"type": "response.output_text.delta", "item_id": "msg_1", **place, "content_index": 0, "delta": piece}
            for piece in said.pieces
        ]
    else:
        call = _spoken(said)
        begun_call = {**call, "arguments": "", "status": "in_progress"}
        events.append({"type": "response.output_item.added", **place, "item": begun_call})
        half = len(said.tool.arguments) // 2
        events += [
            {"type": "response.function_call_arguments.delta", "item_id": "fc_1", **place, "delta": piece}
            for piece in (said.tool.arguments[:half], said.tool.arguments[half:])
        ]
        events.append({"type": "response.output_item.done", **place, "item": call})
    events.append({"type": "response.completed", "response": whole})
    return tuple(named({**told, "sequence_number": number}) for number, told in enumerate(events))


def speaks_responses(said: Words | None = None, *items: Json) -> Behaviour:
    """Answer like a sound server of the Responses API: whole or streamed, as the request asks."""

    def behave(request: SeenRequest) -> Script:
        words = said or Words(model=request.model)
        if request.json.get("stream"):
            return sse_reply(*response_events(words, *items))
        return json_reply(200, dump(response(words, *items)))

    return behave
