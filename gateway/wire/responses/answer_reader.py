"""A response to the chat's answer that says the same, as far as a chat can."""

from typing import Any

import msgspec

from gateway.wire.responses.reading import (
    BETWEEN_PARTS,
    call_of,
    carries,
    error_of,
    finish_of,
    head_of,
    load,
    object_of,
    objects_in,
    odds_of,
    said_in,
    thoughts_in,
    usage_of,
    word_in,
)

_encode = msgspec.json.Encoder().encode


def answer_to_chat(body: bytes, created_s: int) -> tuple[bytes, bool]:
    """Return a chat's answer, and whether it says everything that the response says.

    `created_s` is the time now, in seconds since the epoch. A response that failed becomes a chat's error. Raises
    AnswerMalformed for what is no object.
    """
    response = load(body)
    if response.get("status") == "failed" or response.get("error"):
        return _encode(error_of(object_of(response.get("error")) or response)), True
    items = objects_in(response.get("output"))
    message, odds = _message(items)
    calls = "tool_calls" in message
    choice = {"index": 0, "message": message, "finish_reason": finish_of(response, calls=calls), "logprobs": None}
    chat = {**head_of(response, created_s), "object": "chat.completion", "choices": [{**choice, **odds}]}
    usage = usage_of(response)
    if usage is not None:
        chat["usage"] = usage
    return _encode(chat), all(map(carries, items))


def _message(items: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    said: dict[str, list[str]] = {"content": [], "refusal": []}
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    tokens: list[Any] = []
    for item in items:
        match item.get("type"):
            case "message":
                for kind, words, part in said_in(item):
                    said[kind].append(words)
                    tokens += objects_in(part.get("logprobs"))
            case "function_call":
                calls.append(call_of(item, word_in(item, "arguments")))
            case "reasoning":
                thoughts += thoughts_in(item)
    told = {kind: "".join(words) or None for kind, words in said.items()}
    message: dict[str, Any] = {"role": "assistant", **told}
    if thoughts:
        message["reasoning_content"] = BETWEEN_PARTS.join(thoughts)
    if calls:
        message["tool_calls"] = calls
    return message, odds_of({"logprobs": tokens})
