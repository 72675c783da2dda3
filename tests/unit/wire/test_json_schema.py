"""Schemas that strangers write: what fits, and what they cannot do to us."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.json_schema import DEPTH_MAX, SCHEMA_BYTES_MAX, STEPS_MAX, fits

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": "integer", "minimum": 0},
        "kind": {"enum": ["a", "b"]},
        "friends": {"type": "array", "items": {"$ref": "#"}, "maxItems": 2},
    },
    "required": ["name"],
    "additionalProperties": False,
}


def schema(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("value", "does_fit"),
    [
        ({"name": "Ada"}, True),
        ({"name": "Ada", "age": 36, "kind": "a", "friends": [{"name": "Charles"}]}, True),
        ({}, False),
        ([], False),
        ({"name": ""}, False),
        ({"name": "Ada", "age": "36"}, False),
        ({"name": "Ada", "age": -1}, False),
        ({"name": "Ada", "kind": "c"}, False),
        ({"name": "Ada", "city": "London"}, False),
        ({"name": "Ada", "friends": [{"age": 1}]}, False),
        ({"name": "Ada", "friends": [{"name": "x"}] * 3}, False),
    ],
)
def test_a_value_fits_or_does_not(value: Any, does_fit: bool) -> None:
    assert fits(value, schema(PERSON)) is does_fit


@pytest.mark.parametrize("made", [b"", b"[]", b"5", b"{", b"[" * 10_000, b" " * (SCHEMA_BYTES_MAX + 1)])
def test_what_is_no_schema_forbids_nothing(made: bytes) -> None:
    assert fits({}, made)


@pytest.mark.parametrize(
    "made",
    [
        {"required": 5},
        {"type": "thing"},
        {"type": 7},
        {"properties": {"a": 5}},
        {"multipleOf": 0},
        {"$ref": "#/multipleOf", "multipleOf": 5},
        {"$ref": "#/nowhere"},
        {"$ref": 7},
        {"additionalProperties": False, "properties": 3},
        {"items": {}, "prefixItems": 3},
    ],
)
def test_a_schema_that_makes_no_sense_forbids_nothing(made: dict[str, Any]) -> None:
    assert fits({"a": 1}, schema(made)) or fits([1], schema(made))


def test_no_reference_is_followed_out_of_the_schema(tmp_path: Path) -> None:
    outside = tmp_path / "nothing_fits.json"
    outside.write_text("false", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        for reference in (f"http://127.0.0.1:{server.getsockname()[1]}/schema", outside.as_uri()):
            assert fits({}, schema({"$ref": reference}))
        with pytest.raises(BlockingIOError):
            server.accept()


def test_no_pattern_is_matched() -> None:
    slow = "(a+)+$"
    assert fits("a" * 64 + "!", schema({"pattern": slow}))
    for made in (
        {"patternProperties": {slow: False}, "additionalProperties": False},
        {"propertyNames": {"pattern": slow}},
    ):
        assert fits({"a" * 64 + "!": 1}, schema(made))


def test_a_schema_that_takes_for_ever_is_given_up() -> None:
    twice: dict[str, Any] = {"a0": {"type": "integer"}}
    for number in range(1, 60):
        twice[f"a{number}"] = {"allOf": [{"$ref": f"#/$defs/a{number - 1}"}] * 2}
    assert fits(1, schema({"$defs": twice, "$ref": "#/$defs/a59"})), "2^60 steps"
    late = [*["x"] * (STEPS_MAX + 1), 1]
    assert fits(late, schema({"items": {"type": "string"}})), "its fault is not come to"
    assert not fits(late[-10:], schema({"items": {"type": "string"}}))
    assert fits(1, schema({"$ref": "#"})), "round and round"


@pytest.mark.parametrize(("depth", "is_told"), [(DEPTH_MAX - 1, True), (DEPTH_MAX, False), (400, False)])
def test_a_schema_is_followed_so_deep_and_no_deeper(depth: int, is_told: bool) -> None:
    deep: dict[str, Any] = {"type": "integer"}
    for _ in range(depth):
        deep = {"allOf": [deep]}
    assert fits(1, schema(deep))
    assert fits("no integer", schema(deep)) is not is_told


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
keywords = st.sampled_from(
    [
        *("type", "properties", "required", "items", "$ref", "anyOf", "enum", "minimum", "additionalProperties", "not"),
        *("$defs", "$id", "$anchor", "$schema", "if", "format", "uniqueItems", "unevaluatedProperties"),
    ]
)
schemas = st.recursive(
    values | st.sampled_from(["#", "#/items", "string", "object", "http://x/y"]),
    lambda inner: st.dictionaries(keywords, inner, max_size=4),
    max_leaves=12,
)


@given(values, schemas)
def test_any_schema_and_any_value_give_an_answer(value: Any, made: Any) -> None:
    assert fits(value, schema(made)) in (True, False)
