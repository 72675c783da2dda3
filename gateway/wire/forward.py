"""The body that goes to a model server: the client's own bytes, with the model's name put in its place."""

from hashlib import blake2b
from typing import Any

import msgspec

from gateway.domain.request import CanonicalRequest, Span
from gateway.wire.json_shape import top_members
from gateway.wire.splice import find_splice

_ASK = b'{"include_usage":true}'
_OBJECT = msgspec.json.Decoder(dict[str, Any] | None)


def upstream_body(
    request: CanonicalRequest,
    served_model: str,
    *,
    ask_usage: bool,
    cache_salt: str | None = None,
    prompt_cache_key: str | None = None,
    is_flex: bool = False,
) -> bytes:
    """Return the request's body naming the served model, and, for a stream with `ask_usage`, asking for its usage.

    `cache_salt` keeps what a server computed apart from what it computed under another salt; a client's own salt can
    only divide that further. `prompt_cache_key` tells a provider where the prompt's beginning lies; a client's own
    stands. `is_flex` asks for OpenAI's `service_tier: flex`, where the client names none. Everything else stays as the
    client wrote it, byte for byte.
    """
    body, splice = request.body, request.splice
    added = Span(splice.after_brace, splice.after_brace)
    edits = [(splice.model, msgspec.json.encode(served_model))]
    if ask_usage and request.stream and not request.include_usage:
        options = splice.stream_options
        if options is None:
            edits.append((added, b'"stream_options":' + _ASK + b","))
        else:
            edits.append((options, _asking(body[options.start : options.end])))
    if cache_salt is not None:
        own = _member(body, "cache_salt")
        if own is None:
            edits.append((added, b'"cache_salt":"' + cache_salt.encode() + b'",'))
        else:
            salted = f"{cache_salt}.{blake2b(body[own.start : own.end], digest_size=16).hexdigest()}"
            edits.append((own, msgspec.json.encode(salted)))
    if prompt_cache_key is not None and _member(body, "prompt_cache_key") is None:
        edits.append((added, b'"prompt_cache_key":"' + prompt_cache_key.encode() + b'",'))
    if is_flex:
        edits += _flex(body, added)
    if len(edits) > 1:
        edits.sort(key=lambda edit: edit[0].start)
    return _edited(body, edits)


def native_body(body: bytes, served_model: str, *, is_flex: bool = False) -> bytes:
    """Return a client's own body, of whichever dialect, naming the served model; all else stays byte for byte.

    `is_flex` is as above.
    """
    splice = find_splice(body, has_stream_options=False, is_compact=False)
    edits = [(splice.model, msgspec.json.encode(served_model))]
    if is_flex:
        edits = _flex(body, Span(splice.after_brace, splice.after_brace)) + edits
    return _edited(body, edits)


def _flex(body: bytes, added: Span) -> list[tuple[Span, bytes]]:
    return [] if _member(body, "service_tier") is not None else [(added, b'"service_tier":"flex",')]


def _member(body: bytes, key: str) -> Span | None:
    """Return where the value of one of the body's members stands, for a member that is seldom there."""
    if key.encode() not in body and b"\\u00" not in body:
        return None
    return next((member.value for member in top_members(body) if member.key == key), None)


def _asking(options: bytes) -> bytes:
    members = _OBJECT.decode(options)
    if members is None:
        return _ASK
    members["include_usage"] = True
    return msgspec.json.encode(members)


def _edited(body: bytes, edits: list[tuple[Span, bytes]]) -> bytes:
    pieces, at = [], 0
    for span, replacement in edits:
        pieces += [body[at : span.start], replacement]
        at = span.end
    pieces.append(body[at:])
    return b"".join(pieces)
