"""A whole answer of a chat, told as a message of Anthropic's API."""

import json
from typing import Any, Final

import msgspec

from gateway.wire.messages.stops import stop_of
from gateway.wire.messages.tokens import tokens_of
from gateway.wire.usage import ReportedUsage, usage_from

INVALID_JSON: Final = "INVALID_JSON"
"""Anthropic's own name for the member under which a call's arguments are told that are no JSON object."""
_DECODER = msgspec.json.Decoder(dict[str, Any])
_VALUE = msgspec.json.Decoder()


def answer_from_chat(body: bytes) -> bytes:
    """Write an answer that `read_answer` accepts as a message; one that is a message already stays as it is.

    Of several choices the first is told: no more are asked. Never raises for such an answer: what has an unexpected
    type is passed over.
    """
    answer = _read(body)
    if answer.get("type") == "message" and "choices" not in answer:
        return body
    choices = [choice for choice in _list(answer.get("choices")) if isinstance(choice, dict)]
    choice: dict[str, Any] = choices[0] if choices else {}
    message = choice.get("message")
    content = list(_blocks(message)) if isinstance(message, dict) else []
    calls = any(block["type"] == "tool_use" for block in content)
    refuses = isinstance(message, dict) and bool(_text(message.get("refusal")))
    reason, sequence = stop_of(choice.get("finish_reason"), choice.get("stop_reason"), calls=calls, refuses=refuses)
    told = {
        "id": _text(answer.get("id")) or "msg_unnamed",
        "type": "message",
        "role": "assistant",
        "model": _text(answer.get("model")),
        "content": content,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": tokens_of(_usage(answer)),
    }
    return msgspec.json.encode(told)


def _read(body: bytes) -> dict[str, Any]:
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Half a surrogate pair, which only a lenient reader takes, is no character that could be told.
        text = json.dumps(json.loads(body.decode("utf-8", "replace")), ensure_ascii=False)
        value: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
        return value


def _usage(answer: dict[str, Any]) -> Any:
    try:
        return usage_from(msgspec.convert(answer.get("usage"), ReportedUsage))
    except msgspec.ValidationError:
        return None


def _blocks(message: dict[str, Any]) -> Any:
    """Yield the blocks in the order in which the model wrote them: thoughts, words, calls."""
    thought = _text(message.get("reasoning_content")) or _text(message.get("reasoning"))
    if thought:
        yield {"type": "thinking", "thinking": thought, "signature": ""}
    for said in (text_of(message.get("content")), _text(message.get("refusal"))):
        if said:
            yield {"type": "text", "text": said}
    for at, call in enumerate(_list(message.get("tool_calls"))):
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            yield {
                "type": "tool_use",
                "id": _text(call.get("id")) or f"call_{at}",
                "name": _text(function.get("name")),
                "input": _input(function.get("arguments")),
            }


def _input(arguments: Any) -> dict[str, Any]:
    """Return a call's arguments as the object that a message has in their place."""
    if isinstance(arguments, dict):
        return arguments
    text = _text(arguments)
    if not text.strip():
        return {}
    try:
        value = _VALUE.decode(text)
    except (msgspec.DecodeError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {INVALID_JSON: text}


def text_of(content: Any) -> str:
    """Return the text of a message's content, which with some servers is a list of parts."""
    if isinstance(content, list):
        return "".join([_text(part.get("text")) for part in content if isinstance(part, dict)])
    return _text(content)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
