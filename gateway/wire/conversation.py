"""Which conversation a request belongs to, as far as its head and body tell.

A caller that names it in a header, `x-conversation-id` or one that coding agents send, is believed: within its own
tenant that can harm nobody else. Otherwise it is told by how it began: the messages up to the first user turn, and the
tools. The members `prompt_cache_key`, `safety_identifier` and `user` may be shared by many conversations, so they only
tell apart what began alike.
"""

import msgspec
from msgspec import Raw, Struct

from gateway.domain.request import CanonicalRequest
from gateway.wire.headers import (
    BIFROST_HEADER,
    CLAUDE_CODE_HEADER,
    CODEX_HEADER,
    CONVERSATION_HEADER,
    DYNAMO_HEADER,
    OLDER_CODEX_HEADER,
    OPENCODE_HEADER,
    SESSION_HEADER,
    Headers,
)

_NAMED_BY = {
    name: rank
    for rank, name in enumerate(
        (
            CONVERSATION_HEADER,
            SESSION_HEADER,
            CLAUDE_CODE_HEADER,
            CODEX_HEADER,
            OLDER_CODEX_HEADER,
            OPENCODE_HEADER,
            DYNAMO_HEADER,
            BIFROST_HEADER,
        )
    )
}
"""Headers that name a conversation; of several the first here counts."""
_NAME_BYTES_MAX = 512
"""Longer than any identifier in use; what is longer is not read."""


_READ_BYTES = 1_024
"""Of a long beginning, as much is read from its start and from its end, beside its length: hashing costs 2 µs a kB."""

_NONE = Raw(b"null")


class _Begun(Struct, gc=False):
    role: str
    content: Raw = _NONE


class _Opening(Struct, gc=False):
    messages: list[_Begun]
    tools: Raw = _NONE
    functions: Raw = _NONE
    prompt_cache_key: Raw = _NONE
    safety_identifier: Raw = _NONE
    user: Raw = _NONE


_DECODER = msgspec.json.Decoder(_Opening)
_ENCODER = msgspec.json.Encoder()


def conversation_identity(headers: Headers, request: CanonicalRequest) -> bytes:
    """Return bytes that are the same for every turn of a chat, and other ones for what began otherwise.

    About 5 µs, so it is called only for a request that goes on with a conversation, and behind an answer.
    """
    name = _name_in(headers)
    if name is not None:
        return b"named\0" + name
    opening = _DECODER.decode(request.body)
    first = next((at for at, message in enumerate(opening.messages) if message.role == "user"), len(opening.messages))
    begun = _ENCODER.encode(
        (
            opening.tools,
            opening.functions,
            opening.prompt_cache_key,
            opening.safety_identifier,
            opening.user,
            opening.messages[: first + 1],
        )
    )
    if len(begun) > 2 * _READ_BYTES:
        begun = b"%d %b%b" % (len(begun), begun[:_READ_BYTES], begun[-_READ_BYTES:])
    return b"begun\0" + begun


def _name_in(headers: Headers) -> bytes | None:
    found = [
        (_NAMED_BY[key], value) for key, value in headers if key in _NAMED_BY and 0 < len(value) <= _NAME_BYTES_MAX
    ]
    return min(found)[1] if found else None
