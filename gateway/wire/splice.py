"""Where a body must be edited before it is forwarded."""

import re

from gateway.domain.request import Span, Splice
from gateway.wire.json_shape import top_members

# Each begins with its key, so that it cannot be tried anywhere but there.
_MODEL = re.compile(rb'"model"[ \t\r\n]*+:[ \t\r\n]*+("[^"\\]*+(?:\\.[^"\\]*+)*+"?)', re.DOTALL)
_STREAM_OPTIONS = re.compile(rb'"stream_options"[ \t\r\n]*+:[ \t\r\n]*+(\{(?:[^{}"]|"[^"\\]*+")*+\}|null)')


def find_splice(body: bytes, *, has_stream_options: bool, is_compact: bool) -> Splice:
    """Find the model's name and the stream options among the members of the body.

    `body` must be a valid object with a member `model`, and no member twice. `is_compact` says that no key of it is
    written with escapes that it did not need.
    """
    after_brace = body.index(b"{") + 1
    if is_compact or b"\\" not in body or b"\\u00" not in body:
        # A key is then spelt as one expects, so the only place where it is found is the member itself.
        model = _only_value(body, b'"model"', _MODEL)
        options = _only_value(body, b'"stream_options"', _STREAM_OPTIONS) if has_stream_options else None
        if model is not None and (options is not None or not has_stream_options):
            return Splice(model, options, after_brace)
    spans = {member.key: member.value for member in top_members(body)}
    return Splice(spans["model"], spans.get("stream_options"), after_brace)


def _only_value(body: bytes, key: bytes, member: re.Pattern[bytes]) -> Span | None:
    at = body.find(key)
    if at < 0 or body.find(key, at + len(key)) >= 0:
        return None
    found = member.match(body, at)
    return Span(found.start(1), found.end(1)) if found else None
