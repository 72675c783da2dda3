"""Where a body must be edited before it is forwarded."""

import re

from gateway.domain.request import Span, Splice
from gateway.wire.json_shape import top_members

_MODEL = b'"model"'
_STREAM_OPTIONS = b'"stream_options"'
_SEPARATOR = re.compile(rb"[ \t\r\n]*+:[ \t\r\n]*+")
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_SMALL_VALUE = re.compile(rb'\{(?:[^{}"]|"[^"\\]*+")*+\}|null')


def find_splice(body: bytes, *, has_stream_options: bool, is_compact: bool) -> Splice:
    """Find the model's name and the stream options among the members of the body.

    `body` must be a valid object with a member `model`, and no member twice. `is_compact` says that no key of it is
    written with escapes that it did not need.
    """
    after_brace = body.index(b"{") + 1
    if is_compact or b"\\u00" not in body:
        # A key is then spelt as one expects, so the only place where it is found is the member itself.
        model = _only_value(body, _MODEL, _STRING)
        options = _only_value(body, _STREAM_OPTIONS, _SMALL_VALUE) if has_stream_options else None
        if model is not None and (options is not None or not has_stream_options):
            return Splice(model, options, after_brace)
    spans = {member.key: member.value for member in top_members(body)}
    return Splice(spans["model"], spans.get("stream_options"), after_brace)


def _only_value(body: bytes, key: bytes, shape: re.Pattern[bytes]) -> Span | None:
    at = body.find(key)
    if at < 0 or body.find(key, at + len(key)) >= 0:
        return None
    separator = _SEPARATOR.match(body, at + len(key))
    value = shape.match(body, separator.end()) if separator else None
    return Span(*value.span()) if value else None
