"""Chunks are read strictly where they can be, and leniently where they must be."""

import json
from typing import Any

import pytest

from gateway.wire.messages.stream_chunk import Call, Chunk, Function, read_chunk
from gateway.wire.usage import ReportedUsage

CHUNK: dict[str, Any] = {
    "id": "c-1",
    "model": "m",
    "choices": [
        {
            "index": 0,
            "delta": {
                "content": "a",
                "tool_calls": [{"index": 1, "id": "t1", "function": {"name": "n", "arguments": "{}"}}],
            },
            "finish_reason": "stop",
            "stop_reason": "END",
        }
    ],
    "usage": {"prompt_tokens": 2, "completion_tokens": 1},
}


@pytest.mark.parametrize("odd", [b"", b',"x":"\\ud800"', b',"x":NaN', b',"x":"\xff"'])
def test_both_readers_find_the_same(odd: bytes) -> None:
    chunk = read_chunk(json.dumps(CHUNK).encode()[:-1] + odd + b"}")
    assert (chunk.id, chunk.model, chunk.usage) == ("c-1", "m", ReportedUsage(2, 1))
    assert chunk.choices is not None
    (choice,) = chunk.choices
    assert (choice.finish_reason, choice.stop_reason) == ("stop", "END")
    assert choice.delta is not None
    assert choice.delta.content == "a"
    assert choice.delta.tool_calls == [Call(1, "t1", Function("n", "{}"))]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"id":5,"choices":[]}',
        b'{"model":["m"],"choices":[],"usage":7}',
        b'{"choices":[],"error":1,"usage":NaN}',
    ],
)
def test_what_has_another_type_is_passed_over(payload: bytes) -> None:
    assert read_chunk(payload) in (Chunk(choices=[]), Chunk(choices=[], model=None))


def test_a_choice_that_is_none_says_nothing() -> None:
    chunk = read_chunk(b'{"choices":[7,{"delta":[],"index":"x"}],"model":3}')
    assert chunk.choices is not None
    assert [(choice.delta, choice.index) for choice in chunk.choices] == [(None, 0), (None, 0)]
