"""The place of an edit is found, however the body is spelt."""

import json

import pytest

from gateway.wire.splice import find_splice


@pytest.mark.parametrize("is_compact", [True, False])
@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","stream_options":{"x":1}}',
        b' { "stream_options" : { "x" : {"y":2} } , "model" : "a\\"b" }',
        b'{"x":{"model":"b","stream_options":null},"model":"a","stream_options":null}',
        b'{"stream_options":[1],"model":"a"}',
    ],
)
def test_spans_hold_the_values(body: bytes, is_compact: bool) -> None:
    splice = find_splice(body, has_stream_options=True, is_compact=is_compact)
    members = json.loads(body)
    assert json.loads(body[splice.model.start : splice.model.end]) == members["model"]
    assert splice.stream_options is not None
    assert json.loads(body[splice.stream_options.start : splice.stream_options.end]) == members["stream_options"]
    assert body[: splice.after_brace].strip() == b"{"


def test_a_nested_member_of_the_same_name_is_not_taken_for_it() -> None:
    body = b'{"x":{"stream_options":1},"model":"a"}'
    assert find_splice(body, has_stream_options=False, is_compact=True).stream_options is None


def test_a_key_in_escapes_is_found() -> None:
    body = b'{"x":"model\\u0041","\\u006dodel":"a"}'
    splice = find_splice(body, has_stream_options=False, is_compact=False)
    assert body[splice.model.start : splice.model.end] == b'"a"'
