"""What routing must know of a request that no chat can ask."""

import json
from typing import Any

import pytest

from gateway.domain.limits import EdgeLimits
from gateway.domain.request import CanonicalRequest, Need, Operation
from gateway.wire.dialects import read_request
from gateway.wire.messages.outline import outline

SEARCH = {"type": "web_search_20260318", "name": "web_search", "max_uses": 3}
ASKED: dict[str, Any] = {
    "model": "auto",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "What is new?"}],
    "tools": [SEARCH],
}


def read(**members: Any) -> CanonicalRequest:
    return read_request(Operation.MESSAGES, json.dumps({**ASKED, **members}).encode(), EdgeLimits())


def outlined(**members: Any) -> dict[str, Any]:
    chat = outline(json.dumps({**ASKED, **members}).encode())
    assert chat is not None
    read_back: dict[str, Any] = json.loads(chat)
    return read_back


def test_it_needs_a_server_of_the_api_and_is_scored_by_what_it_says() -> None:
    request = read(stream=True, temperature=0.5, system="Be brief.")
    assert request.needs == Need.MESSAGES | Need.TOOLS
    assert (request.user_text, request.max_output_tokens, request.temperature) == ("What is new?", 64, 0.5)
    assert (request.stream, request.include_usage) == (True, True)
    assert request.native is not None
    assert request.native.refusal is not None
    assert request.native.refusal.param == "tools.0.type"


def test_values_that_are_none_are_left_to_the_server() -> None:
    chat = outlined(max_tokens="x", temperature="x", tools="x", system=5, stream=1)
    assert chat == {
        "model": "auto",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "What is new?"}]}],
    }


def test_pictures_and_files_are_seen_and_not_read() -> None:
    sources: list[Any] = [
        {"type": "base64", "data": "AAAA"},
        {"type": "url", "url": "https://a/b.pdf"},
        {"type": "content", "content": [{"type": "text", "text": "in it"}]},
    ]
    blocks = [{"type": "document", "source": source} for source in sources]
    (message,) = outlined(messages=[{"role": "user", "content": blocks}])["messages"]
    urls = [part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"]
    assert urls == ["data:", "https://a/b.pdf", "data:"]
    assert message["content"][-1] == {"type": "text", "text": "in it"}
    assert read(messages=[{"role": "user", "content": blocks}]).has_remote_images


def test_a_loop_of_tools_is_known_as_one() -> None:
    call = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "Sunny"}, 7]}
    turns = [*ASKED["messages"], {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    request = read(messages=turns)
    assert (request.in_tool_loop, request.continues, request.user_text) == (True, True, "What is new?")
    assert outlined(messages=turns)["messages"][1]["tool_calls"] == [call]


def test_a_role_that_is_none_is_taken_for_the_users() -> None:
    assert outlined(messages=[{"role": 5}])["messages"] == [{"role": "user", "content": []}]


@pytest.mark.parametrize("body", [b"{", b'{"a":"\xff"}', b'{"model":5,"messages":[]}', b'{"model":"m","messages":[7]}'])
def test_what_is_no_such_request_has_none(body: bytes) -> None:
    assert outline(body) is None


def test_a_block_whose_kind_is_no_word_is_of_no_kind() -> None:
    blocks = [{"type": {}, "text": "a"}, {"type": ["tool_result"]}]
    (message,) = outlined(messages=[{"role": "user", "content": blocks}])["messages"]
    assert message == {"role": "user", "content": [{"type": "text", "text": "a"}]}
