"""Whatever the bytes: a body is read or refused, and forwarded as it came."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.errors import GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import CanonicalRequest, Operation
from gateway.wire.dialects import read_request
from gateway.wire.forward import upstream_body
from gateway.wire.identity import cache_identity
from gateway.wire.json_shape import count_members, depths, skeleton, steps, top_members

LIMITS = EdgeLimits()
OPERATIONS = st.sampled_from(Operation)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["model", '"model":', "stream_options", "\\", '\\"', "}]", "[{", "\\u006dodel"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["n", "stop", "tools", "functions", "metadata", "stream", "max_tokens", "temperature", "response_format", "input"]
)
CONTENTS = TEXTS | st.none() | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), max_size=3)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": CONTENTS}),
    min_size=1,
    max_size=4,
)
OPTIONS = st.none() | st.dictionaries(st.sampled_from(["x", "{}", "model"]), VALUES, max_size=3)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Sound chats, spelt in every way that JSON allows for."""
    extra = draw(st.dictionaries(TEXTS.filter(lambda name: name != "stream_options"), VALUES, max_size=4))
    members = {**extra, "model": draw(TEXTS.filter(bool)), "messages": draw(MESSAGES), "stream": draw(st.booleans())}
    if draw(st.booleans()):
        members["stream_options"] = draw(OPTIONS)
    items = draw(st.permutations(list(members.items())))
    indent, separators = draw(st.sampled_from([(None, (",", ":")), (None, (" , ", " : ")), (2, (",", ": "))]))
    text = json.dumps(dict(items), ensure_ascii=draw(st.booleans()), indent=indent, separators=separators)
    if draw(st.booleans()):
        text = text.replace('"model"', '"m\\u006fdel"')
    return text.encode()


def read(body: bytes, operation: Operation = Operation.CHAT) -> CanonicalRequest | None:
    try:
        return read_request(operation, body, LIMITS)
    except GatewayError:
        return None


@given(OPERATIONS, st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
@example(Operation.CHAT, b'{"model":"\\ud800')
def test_reading_raises_nothing_but_the_gateways_error(operation: Operation, body: bytes) -> None:
    read(body, operation)


@given(st.dictionaries(NAMES, VALUES, max_size=3), bodies())
def test_wild_values_in_known_fields_are_read_or_refused(wild: dict[str, Any], body: bytes) -> None:
    read(json.dumps({**json.loads(body), **wild}).encode())


@given(bodies(), st.binary(min_size=1, max_size=2), st.integers(0, 400))
def test_damaged_bodies_are_read_or_refused(body: bytes, damage: bytes, at: int) -> None:
    read(body[:at] + damage + body[at + 1 :])
    read(body[:at])


@given(bodies(), TEXTS, st.booleans())
def test_forwarding_changes_the_model_and_the_wish_for_usage_alone(body: bytes, served: str, ask_usage: bool) -> None:
    request = read(body)
    if request is None:
        return
    sent = upstream_body(request, served, ask_usage=ask_usage)
    wanted = json.loads(body)
    wanted["model"] = served
    if ask_usage and request.stream and not request.include_usage:
        wanted["stream_options"] = {**(wanted.get("stream_options") or {}), "include_usage": True}
    assert json.loads(sent) == wanted
    splice = request.splice
    spans = sorted(
        [(splice.model.start, splice.model.end)]
        + ([(splice.stream_options.start, splice.stream_options.end)] if splice.stream_options else [])
    )
    assert sent.startswith(body[: splice.after_brace])
    assert sent.endswith(body[spans[-1][1] :])
    assert json.loads(body[splice.model.start : splice.model.end]) == request.alias


@given(bodies(), st.randoms(use_true_random=False))
def test_identity_ignores_the_order_of_keys_and_the_spelling(body: bytes, shuffle: Any) -> None:
    request = read(body)
    if request is None:
        return
    items = list(json.loads(body).items())
    shuffle.shuffle(items)
    again = read(json.dumps(dict(items), indent=1).encode())
    assert again is not None
    assert cache_identity(again) == cache_identity(request)


@given(bodies(), bodies())
def test_different_conversations_are_never_the_same(one: bytes, other: bytes) -> None:
    first, second = read(one), read(other)
    if first is None or second is None:
        return
    same = json.loads(one)["messages"] == json.loads(other)["messages"] and first.alias == second.alias
    assert same or cache_identity(first) != cache_identity(second)


@given(VALUES, st.booleans())
def test_the_shape_of_a_text_is_that_of_its_value(value: Any, is_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii, indent=1).encode()
    bones = skeleton(text)
    assert bones.count(b":") == count_members(value if isinstance(value, (dict, list)) else [])
    nesting = depths(steps(bones))
    assert (nesting or [0])[-1] == 0
    if isinstance(value, dict):
        found = {member.key: json.loads(text[member.value.start : member.value.end]) for member in top_members(text)}
        assert found == value
