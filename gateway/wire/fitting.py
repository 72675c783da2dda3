"""What a model server would refuse is taken out of a body: members by name, and thoughts that another model signed.

A signature proves to a model that a thought is its own; another one answers 400. Everything else stays byte for byte.
"""

from collections.abc import Collection, Iterator
from enum import Enum, auto
from typing import Any, Final

import msgspec

from gateway.wire.json_shape import top_members, without_member


class Foreign(Enum):
    """How much of a chat's history may hold thoughts of other models than the one that is asked."""

    NOTHING = auto()
    PAST = auto()
    """What lies before the last user turn: this model has answered since."""
    ALL = auto()


_MARKS: Final = (
    b'"thinking"',
    b'"redacted_thinking"',
    b'"thinking_blocks"',
    b'"reasoning_details"',
    b'"thought_signature"',
)
"""Without one of these there is nothing to look for: 7 µs in 2 kB, where a conversation has changed its tier."""
_THOUGHTS: Final = frozenset({"thinking", "redacted_thinking"})
"""Types of parts, as Anthropic's API has them."""
_OF_A_MESSAGE: Final = ("thinking_blocks", "reasoning_details", "thought_signature")
"""LiteLLM's and OpenRouter's names for lists of them, and Google's for the signature itself."""
_OF_A_CALL: Final = ("extra_content", "provider_specific_fields", "thought_signature")
"""Where Google's API, and LiteLLM after it, keep the signature of a tool's call."""
_MESSAGES: Final = "messages"
_LIST = msgspec.json.Decoder(list[Any])


def fit(body: bytes, refused: Collection[str], foreign: Foreign) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without those members and thoughts, and the names of what was removed.

    `body` must be an object that holds no key twice; of a chat, when `foreign` says that there may be something.
    """
    removed: list[str] = []
    if foreign is not Foreign.NOTHING and any(mark in body for mark in _MARKS):
        body = _without_thoughts(body, foreign, removed)
    if any(b'"%b"' % name.encode() in body for name in refused):
        for member in reversed([member for member in top_members(body) if member.key in refused]):
            body = without_member(body, member)
            removed.append(member.key)
    return body, tuple(dict.fromkeys(removed))


def _without_thoughts(body: bytes, foreign: Foreign, removed: list[str]) -> bytes:
    span = next(member.value for member in top_members(body) if member.key == _MESSAGES)
    messages = _LIST.decode(body[span.start : span.end])
    end = len(messages) if foreign is Foreign.ALL else _last_user(messages)
    found = [name for message in messages[:end] if message["role"] == "assistant" for name in _strip(message)]
    if not found:
        return body
    removed += found
    return body[: span.start] + msgspec.json.encode(messages) + body[span.end :]


def _last_user(messages: list[dict[str, Any]]) -> int:
    turns = [position for position, message in enumerate(messages) if message["role"] == "user"]
    return turns[-1] if turns else 0


def _strip(message: dict[str, Any]) -> Iterator[str]:
    """Take the thoughts out of an answer in place; yield what was removed."""
    for name in _OF_A_MESSAGE:
        if message.pop(name, None) is not None:
            yield f"messages.{name}"
    content = message.get("content")
    if isinstance(content, list):
        kept = [part for part in content if part.get("type") not in _THOUGHTS]
        if len(kept) < len(content):
            # An answer of thoughts alone says nothing; servers refuse a list without parts.
            message["content"] = kept or ("" if not message.get("tool_calls") else None)
            yield "messages.content.thinking"
    yield from _strip_signed(message, "messages")
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            yield from _strip_signed(call, "messages.tool_calls")
            function = call.get("function")
            if isinstance(function, dict):
                yield from _strip_signed(function, "messages.tool_calls.function")


def _strip_signed(holder: dict[str, Any], where: str) -> Iterator[str]:
    for name in _OF_A_CALL:
        if name in holder and (name == "thought_signature" or b'"thought_signature"' in _encoded(holder[name])):
            del holder[name]
            yield f"{where}.{name}"


def _encoded(value: Any) -> bytes:
    return msgspec.json.encode(value)
