"""Whatever stands anywhere in a request of any dialect, it is read, or refused as its sender's fault."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.wire.dialects import read_request

LIMITS = EdgeLimits()
OK = 200
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"town": {"type": "string"}}}
PICTURE = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
SOUND: dict[Operation, dict[str, Any]] = {
    Operation.MESSAGES: {
        "model": "auto",
        "max_tokens": 5,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image", "source": PICTURE}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "weather", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "Rain"}]},
        ],
        "tools": [{"name": "weather", "description": "Tells it", "input_schema": SCHEMA}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "metadata": {"user_id": "u"},
        "stop_sequences": ["end"],
        "stream": True,
        "temperature": 0.5,
    },
    Operation.RESPONSES: {
        "model": "auto",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "See"}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "Rain"},
            {"type": "reasoning", "summary": []},
        ],
        "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}],
        "tool_choice": {"type": "function", "name": "weather"},
        "text": {"format": {"type": "json_schema", "name": "town", "schema": SCHEMA}},
        "reasoning": {"effort": "low"},
        "max_output_tokens": 20,
        "stream": True,
    },
    Operation.CHAT: {
        "model": "auto",
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
        "stream_options": {"include_usage": True},
    },
    Operation.DECISIONS: {
        "model": "auto",
        "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]}],
        "questions": [{"type": "predicate", "instructions": "Urgent?"}],
    },
    Operation.RERANK: {"model": "auto", "query": "whales", "documents": ["fish", {"text": "mammals"}]},
    Operation.SYSTEMONE: {"model": "auto", "state": {"a": [1]}, "questions": {"urgent": {"type": "noul"}}},
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Walk through every place below a value: what holds it, and under which key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def status_of(operation: Operation, body: bytes) -> int:
    try:
        read_request(operation, body, LIMITS)
    except GatewayError as error:
        return error.status
    return OK


@given(st.sampled_from(sorted(SOUND, key=str)), st.integers(0), ANYTHING)
def test_anything_in_any_place_is_read_or_refused(operation: Operation, where: int, anything: Any) -> None:
    body = json.loads(json.dumps(SOUND[operation]))
    found = list(places(body))
    holder, key = found[where % len(found)]
    holder[key] = anything
    status = status_of(operation, json.dumps(body).encode())
    assert status == OK or 400 <= status < 500


def test_the_requests_that_this_begins_with_are_sound() -> None:
    for operation, body in SOUND.items():
        assert read_request(operation, json.dumps(body).encode(), LIMITS).alias == "auto"
