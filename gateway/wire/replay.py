"""A whole answer, told again as a stream: how a kept answer reaches a client that asked for one."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from gateway.wire.sse import DONE, data_event

_NOT_PER_CHUNK: Final = ("object", "choices", "usage")
_FIRST: Final = ("reasoning_content", "reasoning")
_DECODER = msgspec.json.Decoder(dict[str, Any])


def replay_stream(body: bytes, *, include_usage: bool) -> bytes:
    """Write a chat or a completion as the stream a server would have sent, `[DONE]` included.

    `body` must be an answer that `read_answer` accepts.
    """
    answer, encode = _read(body)
    choices = [choice for choice in answer.get("choices") or () if isinstance(choice, dict)]
    is_chat = any("message" in choice for choice in choices)
    common = {name: value for name, value in answer.items() if name not in _NOT_PER_CHUNK}
    head = {**common, "object": "chat.completion.chunk" if is_chat else "text_completion"}
    tail: dict[str, Any] = {"usage": None} if include_usage else {}
    chunks = [
        {**head, "choices": [{"index": choice.get("index", position), "finish_reason": None, **part}], **tail}
        for position, choice in enumerate(choices)
        for part in (_chat_parts(choice) if is_chat else _text_parts(choice))
    ]
    if include_usage:
        chunks.append({**head, "choices": [], "usage": answer.get("usage")})
    return b"".join(data_event(encode(chunk)) for chunk in chunks) + DONE


def _read(body: bytes) -> tuple[dict[str, Any], Callable[[Any], bytes]]:
    """Return the answer and what writes its parts: what only a lenient reader takes, only a lenient writer gives."""
    try:
        return _DECODER.decode(body), msgspec.json.encode
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(body.decode("utf-8", "replace")), _encode_leniently


def _encode_leniently(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _chat_parts(choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the role and what is empty, then one part for each member that says something, then the end."""
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    rest = {name: value for name, value in choice.items() if name not in ("index", "message")}
    full = {name: value for name, value in message.items() if value and name != "role"}
    yield {"delta": {name: value for name, value in message.items() if name not in full}}
    # Reasoning comes before what it led to, as the model wrote it.
    for name in sorted(full, key=lambda name: name not in _FIRST):
        part: dict[str, Any] = {"delta": {name: _numbered(full[name]) if name == "tool_calls" else full[name]}}
        if name == "content" and rest.get("logprobs"):
            part["logprobs"] = rest.pop("logprobs")
        yield part
    yield {"delta": {}, **rest}


def _text_parts(choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
    rest = {name: value for name, value in choice.items() if name not in ("index", "text", "logprobs")}
    yield {"text": choice.get("text") or "", "logprobs": choice.get("logprobs")}
    yield {"text": "", "logprobs": None, **rest}


def _numbered(calls: Any) -> Any:
    if not isinstance(calls, list):
        return calls
    return [{**call, "index": at} if isinstance(call, dict) else call for at, call in enumerate(calls)]
