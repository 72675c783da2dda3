"""What a server of the Messages API says, as far as a chat can tell it."""

from typing import Any, Final

from msgspec import Raw, Struct

from gateway.domain.usage import TokenUsage
from gateway.wire.usage import usage_object

_FINISH: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


# gc=False: these hold no cycles and live for one answer or event.
class Details(Struct, gc=False):
    """The parts of a count."""

    thinking_tokens: int | None = None


class Tokens(Struct, gc=False):
    """A message's `usage`. In a stream each count stands until a later one replaces it."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: Details | None = None


class Block(Struct, gc=False):
    """A block of content, or the beginning of one."""

    type: str = ""
    id: str = ""
    name: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    input: Raw = Raw(b"{}")
    citations: Raw = Raw(b"null")


class Message(Struct, gc=False):
    """A whole message, or the beginning of one. `type` is `error` of what is none."""

    type: str = ""
    id: str = ""
    model: str = ""
    content: list[Block] = []
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Tokens | None = None


class Delta(Struct, gc=False):
    """What an event adds to a block, or says of the whole message."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    stop_reason: str | None = None
    stop_sequence: str | None = None


class Event(Struct, gc=False):
    """One event of a stream."""

    type: str = ""
    index: int = 0
    message: Message | None = None
    content_block: Block | None = None
    delta: Delta | None = None
    usage: Tokens | None = None
    error: Raw = Raw()


def updated(known: Tokens, more: Tokens | None) -> Tokens:
    """Return what is known of a usage once more of it was said."""
    if more is not None:
        for name in more.__struct_fields__:
            value = getattr(more, name)
            if value is not None:
                setattr(known, name, value)
    return known


def chat_usage(tokens: Tokens) -> dict[str, Any]:
    """Write a message's usage as that of a chat, whose prompt includes what was read from a cache or written to it."""
    read = max(tokens.cache_read_input_tokens or 0, 0)
    written = max(tokens.cache_creation_input_tokens or 0, 0)
    uncached = max(tokens.input_tokens or 0, 0) + written
    output = max(tokens.output_tokens or 0, 0)
    details = tokens.output_tokens_details
    thought = 0 if details is None else min(max(details.thinking_tokens or 0, 0), output)
    return usage_object(TokenUsage(uncached + read, output, read, thought, cache_write_tokens=written))


def finish(stop_reason: str | None, stop_sequence: str | None) -> dict[str, Any]:
    """Return the members of a choice that say why it ended; `stop_reason` is vLLM's, which has the stop sequence."""
    reason = None if stop_reason is None else _FINISH.get(stop_reason, "stop")
    told: dict[str, Any] = {"finish_reason": reason}
    if stop_reason == "stop_sequence" and stop_sequence is not None:
        told["stop_reason"] = stop_sequence
    return told


def is_known_end(stop_reason: str | None) -> bool:
    """Tell whether a chat says that reason just so."""
    return stop_reason in _FINISH
