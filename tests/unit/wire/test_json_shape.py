"""The shape of a text is seen without parsing it."""

import json

import pytest

from gateway.domain.request import Span
from gateway.wire.json_shape import count_members, depths, skeleton, steps, top_members, without_member


@pytest.mark.parametrize(
    ("text", "bones"),
    [
        (b'{"a":"b"}', b"{:}"),
        (b'{"a":"[\\"]"}', b"{:}"),
        (b'{"a\\\\":["\\\\\\""]}', b"{:[]}"),
        (b'{"a":"unterminated [', b"{:"),
        (b"[1, null]", b"[1, null]"),
    ],
)
def test_only_what_stands_outside_strings_remains(text: bytes, bones: bytes) -> None:
    assert skeleton(text) == bones


def test_depths_follow_the_brackets() -> None:
    assert depths(steps(b"{:[{},1]}")) == [1, 2, 3, 2, 1, 0]


def test_members_of_all_objects_are_counted() -> None:
    assert count_members({"a": [{"b": 1}, [{"c": {}}], 2], "d": {"e": "f"}}) == 5
    assert count_members([]) == 0


SPACED = b' { "a" : [ 1 , {"model":2} ] ,\n"mod\\u0065l" : "x\\"," , "b":{"c":{}} , "z":-1.5 } '


def test_top_members_are_found_with_their_values() -> None:
    found = {member.key: SPACED[member.value.start : member.value.end] for member in top_members(SPACED)}
    assert found == {"a": b'[ 1 , {"model":2} ]', "model": b'"x\\","', "b": b'{"c":{}}', "z": b"-1.5"}


def test_a_key_given_twice_is_found_twice() -> None:
    assert [member.key for member in top_members(b'{"a":1,"a":2}')] == ["a", "a"]
    assert list(top_members(b" {} ")) == []


def test_spans_are_half_open() -> None:
    (member,) = top_members(b'{"a":"b"}')
    assert (member.start, member.value) == (1, Span(5, 8))


@pytest.mark.parametrize("key", ["a", "model", "b", "z"])
def test_cutting_a_member_out_leaves_the_others(key: str) -> None:
    member = next(member for member in top_members(SPACED) if member.key == key)
    wanted = json.loads(SPACED)
    del wanted[key]
    assert json.loads(without_member(SPACED, member)) == wanted


def test_cutting_the_only_member_out_leaves_an_empty_object() -> None:
    text = b'{ "a" : null }'
    (member,) = top_members(text)
    assert without_member(text, member) == b"{}"
