"""A stream put together is the answer that its server gives unstreamed, in the shapes in which servers give both."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from gateway.wire.assemble import assemble
from tests.support.openai_bodies import DONE, event

SHELL = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "m", "system_fingerprint": "fp_1"}
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 4,
    "total_tokens": 13,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
OPENED = {"role": "assistant", "content": "", "refusal": None}


def said(*deltas: Mapping[str, Any], ending: str = "stop", index: int = 0, **members: Any) -> list[Mapping[str, Any]]:
    """One choice as it is streamed, a delta a chunk, and its end by itself."""
    open_choices = [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None} for delta in deltas]
    return [*open_choices, {"index": index, "delta": {}, "logprobs": None, "finish_reason": ending, **members}]


def told(message: Mapping[str, Any], *, ending: str = "stop", index: int = 0, **members: Any) -> Mapping[str, Any]:
    """The same choice as it is given whole."""
    return {"index": index, "message": message, "logprobs": None, "finish_reason": ending, **members}


def part(index: int, arguments: str, **opening: Any) -> Mapping[str, Any]:
    """A delta with a piece of a tool call's arguments."""
    function = {**({"name": opening.pop("name")} if "name" in opening else {}), "arguments": arguments}
    return {"tool_calls": [{"index": index, **opening, "function": function}]}


def call(name: str, identity: str, arguments: str) -> Mapping[str, Any]:
    """A tool call as it is given whole."""
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def token(text: str) -> Mapping[str, Any]:
    """One token's probabilities."""
    likely = {"token": text, "logprob": -0.25, "bytes": list(text.encode())}
    return {**likely, "top_logprobs": [likely, {"token": "?", "logprob": -2.5, "bytes": [63]}]}


def with_odds(choice: Mapping[str, Any], *tokens: str) -> Mapping[str, Any]:
    """The choice with the probabilities of these tokens."""
    return {**choice, "logprobs": {"content": [token(text) for text in tokens], "refusal": None}}


def mixed(*choices: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Chunks of several choices, in turns."""
    longest = max(map(len, choices))
    return [choice[at] for at in range(longest) for choice in choices if at < len(choice)]


BOTH_WAYS: Mapping[str, tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]] = {
    "text": (
        said(OPENED, {"content": "Paris"}, {"content": " caf"}, {"content": "é 😀."}),
        [told({"role": "assistant", "content": "Paris café 😀.", "refusal": None})],
    ),
    "nothing": (said(OPENED, ending="length"), [told({**OPENED}, ending="length")]),
    "refusal": (
        said({"role": "assistant", "content": None, "refusal": ""}, {"refusal": "I can"}, {"refusal": "not."}),
        [told({"role": "assistant", "content": None, "refusal": "I cannot."})],
    ),
    "tools": (
        said(
            {"role": "assistant", "content": None, "refusal": None},
            part(0, "", name="weather", id="a", type="function"),
            part(0, '{"town":'),
            part(0, '"Bonn"}'),
            part(1, "", name="clock", id="b", type="function"),
            part(1, "{}"),
            ending="tool_calls",
        ),
        [
            told(
                {
                    "role": "assistant",
                    "content": None,
                    "refusal": None,
                    "tool_calls": [call("weather", "a", '{"town":"Bonn"}'), call("clock", "b", "{}")],
                },
                ending="tool_calls",
            )
        ],
    ),
    "text and tools": (
        said(
            OPENED,
            {"content": "Let me"},
            {"content": " see."},
            part(0, "{}", name="clock", id="b", type="function"),
            ending="tool_calls",
        ),
        [told({**OPENED, "content": "Let me see.", "tool_calls": [call("clock", "b", "{}")]}, ending="tool_calls")],
    ),
    "n=2": (
        mixed(
            said(OPENED, {"content": "a"}, {"content": "b"}, index=1, ending="length"),
            said(OPENED, {"content": "c"}),
        ),
        [
            told({**OPENED, "content": "c"}),
            told({**OPENED, "content": "ab"}, index=1, ending="length"),
        ],
    ),
    "logprobs": (
        [
            *said(OPENED)[:1],
            with_odds(said({"content": "Hi"})[0], "Hi"),
            with_odds(said({"content": " you"})[0], " you"),
            *said(),
        ],
        [with_odds(told({**OPENED, "content": "Hi you"}), "Hi", " you")],
    ),
    "reasoning_content": (
        said(
            {"role": "assistant", "content": None, "reasoning_content": None},
            {"reasoning_content": "Hm"},
            {"reasoning_content": ", yes."},
            {"content": "4"},
            stop_reason=None,
        ),
        [told({"role": "assistant", "content": "4", "reasoning_content": "Hm, yes."}, stop_reason=None)],
    ),
    "reasoning": (
        said({"role": "assistant", "content": ""}, {"reasoning": "Hm"}, {"reasoning": "."}, {"content": "4"}),
        [told({"role": "assistant", "content": "4", "reasoning": "Hm."})],
    ),
}
"""What is streamed, and the same given whole."""


@pytest.mark.parametrize("usage", [None, USAGE])
@pytest.mark.parametrize("name", BOTH_WAYS)
def test_a_stream_put_together_is_the_servers_own_whole_answer(name: str, usage: Mapping[str, Any] | None) -> None:
    streamed, whole = BOTH_WAYS[name]
    tail = {} if usage is None else {"usage": None}
    chunks = [{**SHELL, "object": "chat.completion.chunk", "choices": [choice], **tail} for choice in streamed]
    if usage is not None:
        chunks.append({**SHELL, "object": "chat.completion.chunk", "choices": [], "usage": usage})
    body = assemble(b"".join(map(event, chunks)) + DONE)
    assert body is not None
    answer = {**SHELL, "object": "chat.completion", "choices": whole}
    assert json.loads(body) == (answer if usage is None else {**answer, "usage": usage})


def one(delta: Mapping[str, Any], **members: Any) -> bytes:
    """The event of one chunk of one choice."""
    return event({**SHELL, "choices": [{"index": 0, "delta": delta, "finish_reason": None, **members}]})


ENDED = event({**SHELL, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + DONE


def content_of(*events: bytes) -> Any:
    """The text of the answer that these chunks make; None where they make none."""
    whole = assemble(b"".join(events) + ENDED)
    return None if whole is None else json.loads(whole)["choices"][0]["message"]["content"]


@pytest.mark.parametrize("text", ["", "b", "ü€😀", "line\n", 'say "no"', "back\\", '\\"', "null", '","x":"'])
def test_whatever_a_text_holds_it_goes_on_in_a_row_of_like_chunks(text: str) -> None:
    pieces = ("a", "b", text, "c", text, text, "d")
    assert content_of(*(one({"content": piece}) for piece in pieces)) == "".join(pieces)


def test_a_chunk_that_says_more_than_its_text_is_read_whole() -> None:
    like = one({"content": "a"})
    for more in (
        one({"content": "b", "reasoning": "r"}),
        one({"content": "b"}, logprobs={"content": [{"token": "b"}]}),
        event({**SHELL, "choices": [{"index": 0, "delta": {"content": "b"}}], "usage": USAGE}),
        event({**SHELL, "choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"}]}),
    ):
        alone, among = assemble(more + more + ENDED), assemble(like + more + more + like + ENDED)
        assert alone is not None
        assert among is not None
        first, second = (json.loads(body) for body in (alone, among))
        for choice in second["choices"]:
            choice["message"]["content"] = choice["message"]["content"].replace("a", "")
        assert [c for c in second["choices"] if c["message"]["content"]] == [
            c for c in first["choices"] if "message" in c and c["message"].get("content")
        ]
        assert second.get("usage") == first.get("usage")


def test_a_text_that_is_not_of_a_chat_is_not_mistaken_for_one() -> None:
    chunks = [
        event({"id": "c", "content": text, "choices": [{"index": 0, "text": text, "finish_reason": ending}]})
        for text, ending in (("a", None), ("b", None), ("c", "stop"))
    ]
    whole = assemble(b"".join(chunks) + DONE)
    assert whole is not None
    assert json.loads(whole)["choices"] == [{"index": 0, "text": "abc", "finish_reason": "stop"}]


def test_a_row_of_like_chunks_of_which_one_is_damaged_makes_no_answer() -> None:
    good = one({"content": "a"})
    assert content_of(good, good, good) == "aaa"
    for damage in (b"\xff", b"\x01", b"\\x", b'"'):
        assert content_of(good, good, good.replace(b'"a"', b'"' + damage + b'"'), good) is None


def test_a_name_that_only_looks_like_the_texts_is_not_taken_for_it() -> None:
    spelt = one({"content": "a"}).replace(b'"content"', b'"cont\\u0065nt"')
    other = spelt.replace(b'"id":', b'"content":"a","id":')
    assert content_of(other, other.replace(b'"content":"a"', b'"content":"zzz"')) == "aa"
