"""The body that goes to a model server: the client's own bytes, with the model's name put in its place."""

from typing import Any

import msgspec

from gateway.domain.request import CanonicalRequest, Span

_ASK = b'{"include_usage":true}'
_OBJECT = msgspec.json.Decoder(dict[str, Any] | None)


def upstream_body(request: CanonicalRequest, served_model: str, *, ask_usage: bool) -> bytes:
    """Return the request's body naming the served model, and, for a stream with `ask_usage`, asking for its usage.

    Everything else stays as the client wrote it, byte for byte.
    """
    body, splice = request.body, request.splice
    edits = [(splice.model, msgspec.json.encode(served_model))]
    if ask_usage and request.stream and not request.include_usage:
        options = splice.stream_options
        if options is None:
            edits.insert(0, (Span(splice.after_brace, splice.after_brace), b'"stream_options":' + _ASK + b","))
        else:
            edits.append((options, _asking(body[options.start : options.end])))
            edits.sort(key=lambda edit: edit[0].start)
    return _edited(body, edits)


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
