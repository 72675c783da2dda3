"""A chat's stream is told as a response's events, each as OpenAI's own types have it."""

import json
from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.problem import stream_error
from gateway.wire.responses.answer import answer_from_chat
from gateway.wire.responses.open_items import Events, OpenMessage
from gateway.wire.responses.output import COMPLETED
from gateway.wire.responses.stream_writer import StreamWriter
from gateway.wire.sse import DONE, PING, with_native
from tests.support.openai_bodies import event
from tests.unit.wire.responses.answers import ECHO, TOKEN, call, chunk, events_of, kinds, response_of, used, whole

OPENED = chunk({"role": "assistant", "content": ""})
BEGUN = ["created", "in_progress"]
TEXT = [
    "output_item.added",
    "content_part.added",
    "output_text.delta",
    "output_text.delta",
    "output_text.done",
    "content_part.done",
    "output_item.done",
]
THOUGHT = [
    "output_item.added",
    "reasoning_summary_part.added",
    "reasoning_summary_text.delta",
    "reasoning_summary_text.done",
    "reasoning_summary_part.done",
    "output_item.done",
]
BROKEN = GatewayError(ErrorCode.STREAM_INTERRUPTED, "It broke off")


def told(*pieces: bytes) -> list[dict[str, Any]]:
    """Translate a stream."""
    writer = StreamWriter(ECHO)
    return events_of(b"".join(map(writer.feed, pieces)))


def last(*pieces: bytes) -> dict[str, Any]:
    """Return the response at a stream's end."""
    response: dict[str, Any] = told(*pieces)[-1]["response"]
    return response


def piece(index: int | None, arguments: str, **opening: Any) -> bytes:
    """A chunk with a piece of a call."""
    function = {**({"name": opening.pop("name")} if "name" in opening else {}), "arguments": arguments}
    return chunk({"tool_calls": [{"index": index, **opening, "function": function}]})


def test_a_text_is_a_message_with_one_part() -> None:
    events = told(OPENED, chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop"), used(), DONE)
    assert kinds(events) == [*BEGUN, *TEXT, "completed"]
    assert [events[4]["delta"], events[5]["delta"], events[6]["text"]] == ["Hel", "lo", "Hello"]
    assert {each["item_id"] for each in events[3:8]} == {"msg_7_0"}
    begun, ended = events[0]["response"], events[-1]["response"]
    assert (begun["status"], begun["output"], begun["usage"]) == ("in_progress", [], None)
    assert (ended["status"], ended["usage"]["input_tokens"]) == ("completed", 9)


@pytest.mark.parametrize("ending", ["stop", "length", "content_filter"])
def test_a_stream_comes_to_what_the_whole_answer_is(ending: str) -> None:
    message = {"reasoning_content": "Hm", "content": "Well", "refusal": "no", "tool_calls": [call(), call(id="c2")]}
    pieces = [
        chunk({"reasoning_content": "H"}),
        chunk({"reasoning": "m"}),
        chunk({"content": "Well"}),
        chunk({"refusal": "n"}),
        chunk({"refusal": "o"}),
        piece(0, "", id="call_1", name="weather"),
        piece(0, '{"town":'),
        piece(0, '"Paris"}'),
        piece(1, '{"town":"Paris"}', id="c2", name="weather"),
    ]
    ended = last(OPENED, *pieces, chunk({}, ending), used(), DONE)
    assert ended == response_of(answer_from_chat(whole(message, ending), ECHO))


SAYS = [
    OPENED,
    *(chunk({"content": text}) for text in ("He", "l\u00e9l", "", " o", 'a "q"', "n\\\\", "lo", " you", ".")),
]


@pytest.mark.parametrize(
    "behind",
    [
        [chunk({"refusal": "No"}), chunk({"content": "Well"}), chunk({"content": "then"})],
        [chunk({"reasoning_content": "Hm"}), chunk({"content": "Well"}), chunk({"content": "then"})],
        [piece(0, "{}", id="c", name="f"), chunk({"content": "Well"}), chunk({"content": "then"})],
        [chunk({"content": "x"}, logprobs={"content": [TOKEN]}), chunk({"content": "y"})],
    ],
)
def test_a_text_is_told_the_same_whether_its_chunks_are_read_or_known_by_their_looks(behind: list[bytes]) -> None:
    stream = [*SAYS, *behind, chunk({}, "stop"), used(), DONE]
    one_by_one, at_once = StreamWriter(ECHO), StreamWriter(ECHO)
    assert b"".join(map(one_by_one.feed, stream)) == at_once.feed(b"".join(stream))


@pytest.mark.parametrize("torn", [b"\xf0\x9f", b"\\ud83d"])
def test_a_text_with_what_is_no_character_is_told_with_a_sign_for_it(torn: bytes) -> None:
    broken = chunk({"content": "a?"}).replace(b"?", torn)
    other = chunk({"content": "b"})
    text = last(broken, other, broken + other, chunk({}, "stop"), DONE)["output"][0]["content"][0]["text"]
    assert text.replace("\ufffd", "?").replace("??", "?") == "a?ba?b"


def test_chunks_that_never_look_alike_are_each_read() -> None:
    stream = [chunk({"content": str(number)}, seen={"at": number}) for number in range(9)]
    assert last(*stream, chunk({}, "stop"), DONE)["output"][0]["content"][0]["text"] == "012345678"


def test_a_thought_is_over_when_something_else_begins() -> None:
    events = told(OPENED, chunk({"reasoning_content": "Hm"}), chunk({"content": "x"}), chunk({}, "stop"), DONE)
    assert kinds(events)[2:8] == THOUGHT
    assert (events[4]["delta"], events[4]["item_id"], events[8]["output_index"]) == ("Hm", "rs_7_0", 1)


def test_what_takes_turns_is_told_in_turns() -> None:
    parts = ({"reasoning": "a"}, {"content": "b"}, {"reasoning": "c"}, {"content": "d"})
    output = last(*map(chunk, parts), chunk({}, "stop"), DONE)["output"]
    assert [item["type"] for item in output] == ["reasoning", "message", "reasoning", "message"]
    assert [item["id"] for item in output] == ["rs_7_0", "msg_7_1", "rs_7_2", "msg_7_3"]


def test_a_call_is_told_piece_by_piece() -> None:
    events = told(OPENED, piece(0, "", id="call_1", name="weather"), piece(0, "{}"), chunk({}, "tool_calls"), DONE)
    assert kinds(events)[2:] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    added = events[2]["item"]
    assert (added["call_id"], added["name"], added["arguments"]) == ("call_1", "weather", "")
    assert (events[4]["arguments"], events[4]["name"]) == ("{}", "weather")


def test_calls_may_take_turns() -> None:
    output = last(piece(0, "[", id="a", name="f"), piece(1, "(", id="b", name="g"), piece(0, "]"), piece(1, ")"), DONE)[
        "output"
    ]
    assert [(item["call_id"], item["arguments"]) for item in output] == [("a", "[]"), ("b", "()")]


def test_calls_without_numbers_begin_where_they_are_named() -> None:
    output = last(piece(None, "[", id="a", name="f"), piece(None, "]"), piece(None, "()", id="b", name="g"), DONE)[
        "output"
    ]
    assert [(item["call_id"], item["arguments"]) for item in output] == [("a", "[]"), ("b", "()")]
    assert last(chunk({"tool_calls": [{}]}), DONE)["output"][0]["name"] == ""


def test_a_text_behind_a_call_is_a_message_of_its_own() -> None:
    output = last(chunk({"content": "a"}), piece(0, "{}", id="c", name="f"), chunk({"content": "b"}), DONE)["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "message"]


def test_a_refusal_may_come_alone() -> None:
    events = told(chunk({"refusal": "N"}), chunk({"refusal": "o"}), chunk({}, "stop"), DONE)
    assert "refusal.done" in kinds(events)
    assert events[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "No"}]


def test_a_text_may_follow_a_refusal() -> None:
    content = last(chunk({"refusal": "No"}), chunk({"content": "x"}), DONE)["output"][0]["content"]
    assert [part["type"] for part in content] == ["refusal", "output_text"]


def test_a_message_without_words_is_an_item_all_the_same() -> None:
    message = OpenMessage(Events(), b'"msg_1"', 0)
    assert kinds(events_of(message.begin() + message.close(COMPLETED))) == ["output_item.added", "output_item.done"]
    assert json.loads(message.written)["content"] == []


def test_how_likely_tokens_were_is_told_with_each_piece_and_the_whole() -> None:
    odds = {"content": [TOKEN]}
    events = told(chunk({"content": "Hi"}, logprobs=odds), chunk({"content": "Hi"}, logprobs=odds), DONE)
    assert events[4]["logprobs"] == [TOKEN]
    assert events[6]["logprobs"] == [TOKEN, TOKEN]


def test_an_unfinished_answer_ends_as_incomplete() -> None:
    events = told(chunk({"content": "He"}), chunk({}, "length"), used(), DONE)
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


def test_the_largest_usage_counts() -> None:
    small = used({"prompt_tokens": 9, "completion_tokens": 1})
    assert last(chunk({"content": "x"}), small, used(), used({}), DONE)["usage"]["output_tokens"] == 4


def test_a_stream_without_chunks_is_an_empty_response() -> None:
    assert kinds(told(DONE)) == [*BEGUN, "completed"]


def test_a_broken_answer_fails_with_what_was_whole_of_it() -> None:
    events = told(chunk({"reasoning": "a"}), chunk({"content": "b"}), stream_error(BROKEN))
    assert kinds(events)[-2:] == ["failed", "error"]
    failed = events[-2]["response"]
    assert (failed["status"], failed["error"]["message"]) == ("failed", "It broke off")
    assert [item["type"] for item in failed["output"]] == ["reasoning"]
    assert events[-1]["code"] == "stream_interrupted"


def test_an_error_before_everything_is_the_only_event() -> None:
    assert kinds(told(PING, stream_error(BROKEN))) == ["error"]


def test_an_error_that_is_none_is_passed_over() -> None:
    assert kinds(told(event({"error": None, "choices": []}), DONE)) == [*BEGUN, "completed"]


def test_comments_and_empty_events_pass_or_vanish() -> None:
    writer = StreamWriter(ECHO)
    assert writer.feed(PING) == PING
    assert writer.feed(b"data:\n\n") == b""


def test_what_is_in_the_dialect_passes_byte_for_byte_and_has_its_own_end() -> None:
    own = b'event: response.created\ndata: {"type":"response.created","sequence_number":4}\n\n'
    writer = StreamWriter(ECHO)
    assert writer.feed(with_native(OPENED + chunk({"content": "x"}), own)) == own
    assert writer.feed(with_native(b"", b"event: x\n\n")) == b"event: x\n\n"
    assert writer.feed(DONE) == b""
    broken = writer.feed(stream_error(BROKEN))
    assert json.loads(broken.split(b"data: ")[1])["sequence_number"] == 5


def test_other_line_ends_are_read_as_well() -> None:
    stream = (OPENED + chunk({"content": "Hi"}) + DONE).replace(b"\n", b"\r\n")
    assert last(stream[:30], stream[30:])["output"][0]["content"][0]["text"] == "Hi"
