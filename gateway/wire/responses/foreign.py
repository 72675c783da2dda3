"""Thoughts of another model are taken out of a request before a server of the Responses API is sent it as it came.

They may be encrypted for who wrote them, or kept where only that one finds them; another server refuses them.
"""

from typing import Any, Final

import msgspec

from gateway.wire.fitting import Foreign
from gateway.wire.json_shape import top_members

_MARK: Final = b'"reasoning"'
_INPUT: Final = "input"
_NAME: Final = "input.reasoning"
_ITEMS = msgspec.json.Decoder(list[Any] | str)


def without_thoughts(body: bytes, foreign: Foreign) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without them, and what was removed. `body` must be a request that `to_chat` takes."""
    if foreign is Foreign.NOTHING or _MARK not in body:
        return body, ()
    span = next(member.value for member in top_members(body) if member.key == _INPUT)
    items = _ITEMS.decode(body[span.start : span.end])
    if isinstance(items, str):
        return body, ()
    end = len(items) if foreign is Foreign.ALL else _last_asked(items)
    kept = [item for at, item in enumerate(items) if at >= end or item.get("type") != "reasoning"]
    if len(kept) == len(items):
        return body, ()
    return body[: span.start] + msgspec.json.encode(kept) + body[span.end :], (_NAME,)


def _last_asked(items: list[Any]) -> int:
    turns = [at for at, item in enumerate(items) if item.get("role") == "user"]
    return turns[-1] if turns else 0
