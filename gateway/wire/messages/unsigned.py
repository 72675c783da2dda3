"""Thoughts without a signature are taken out of a Messages request before it goes to a server that refuses them.

Open model servers sign none, and take back what they gave; Anthropic's API answers 400 to a thought that it did not
sign. Everything else stays byte for byte.
"""

from typing import Any, Final

import msgspec

from gateway.wire.json_shape import top_members

NAME: Final = "messages.content.thinking"
"""What a receipt calls them."""
_MARK: Final = b'"thinking"'
_MESSAGES: Final = "messages"
_LIST = msgspec.json.Decoder(list[dict[str, Any]])


def without_unsigned(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without them, and what was removed. `body` must be a request that `to_chat` takes.

    An answer of nothing else is left out as a whole: what is empty is refused, and turns of one speaker are joined.
    """
    if _MARK not in body:
        return body, ()
    span = next(member.value for member in top_members(body) if member.key == _MESSAGES)
    if _MARK not in body[span.start : span.end]:
        return body, ()
    messages = _LIST.decode(body[span.start : span.end])
    stripped = [_strip(message) for message in messages]
    if not any(stripped):
        return body, ()
    kept = [one for one, had_some in zip(messages, stripped, strict=True) if one["content"] or not had_some]
    return body[: span.start] + msgspec.json.encode(kept) + body[span.end :], (NAME,)


def _strip(message: dict[str, Any]) -> bool:
    """Take unsigned thoughts out of a turn in place; tell whether there were any."""
    content = message["content"]
    if not isinstance(content, list):
        return False
    message["content"] = [block for block in content if block.get("type") != "thinking" or block.get("signature")]
    return len(message["content"]) < len(content)
