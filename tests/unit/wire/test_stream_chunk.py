"""Chunks are read strictly where they can be, and leniently where they must be."""

import json
from typing import Any

import msgspec
import pytest

from gateway.wire.sse import StreamMalformed
from gateway.wire.stream_chunk import bears_content, has_tool_call, read_chunk
from gateway.wire.usage import ReportedUsage, Timings

CHUNK: dict[str, Any] = {
    "model": "m",
    "object": "chat.completion.chunk",
    "choices": [{"delta": {"content": "a", "tool_calls": [{"index": 0}]}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 2, "completion_tokens": 1},
    "timings": {"prompt_n": 2},
}


@pytest.mark.parametrize("odd", [b"", b',"x":"\\ud800"', b',"choices2":1,"x":NaN'])
def test_both_readers_find_the_same(odd: bytes) -> None:
    chunk = read_chunk(json.dumps(CHUNK).encode()[:-1] + odd + b"}")
    assert (chunk.model, chunk.object) == ("m", "chat.completion.chunk")
    assert chunk.choices is not None
    (choice,) = chunk.choices
    assert (choice.finish_reason, bears_content(choice), has_tool_call(choice)) == ("stop", True, True)
    assert chunk.usage == ReportedUsage(2, 1)
    assert chunk.timings == Timings(2)


def test_null_usage_is_told_from_none_at_all() -> None:
    assert read_chunk(b'{"usage":null}').usage is None
    assert read_chunk(b"{}").usage is msgspec.UNSET


@pytest.mark.parametrize("payload", [b"", b"x", b"[]", b"1", b"{", b"[" * 9999])
def test_what_is_no_chunk_is_malformed(payload: bytes) -> None:
    with pytest.raises(StreamMalformed):
        read_chunk(payload)
