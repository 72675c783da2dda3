"""A response's events are read as a chat's stream: what it bears, how it ends, and whether a chat can say all of it."""

import json
from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.assemble import assemble
from gateway.wire.problem import stream_error
from gateway.wire.responses.stream_reader import StreamReader
from gateway.wire.responses.stream_writer import StreamWriter
from gateway.wire.sse import DONE, PING, StreamMalformed
from gateway.wire.stream_scanner import StreamScanner
from tests.support.openai_bodies import event
from tests.unit.wire.responses.answers import ECHO, TOKEN, USAGE, call, chunk, used

BEGUN = {"type": "response.created", "response": {"id": "resp_7", "created_at": 5, "model": "m"}}
MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}]}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


def read(*events: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Read a stream that ends well; return what it comes to, and whether all of it was read."""
    reader = reader_of()
    stream = b"".join(reader.feed(event(told)) for told in (*events, {"type": "response.completed", "response": {}}))
    body = assemble(stream)
    assert body is not None
    message: dict[str, Any] = json.loads(body)["choices"][0]["message"]
    return message, reader.is_lossless


def reader_of(*, keeps_native: bool = False) -> StreamReader:
    """A reader of a stream that begins now."""
    return StreamReader(created_s=5, keeps_native=keeps_native)


def delta(kind: str, text: str, place: int = 0, **members: Any) -> dict[str, Any]:
    """A piece of something."""
    return {"type": f"response.{kind}.delta", "output_index": place, "delta": text, **members}


def item(state: str, value: dict[str, Any], place: int = 0) -> dict[str, Any]:
    """An item that begins or is over."""
    return {"type": f"response.output_item.{state}", "output_index": place, "item": value}


def test_what_was_a_chats_stream_is_one_again() -> None:
    calls = [{"index": 0, **call("")}, {"index": 0, "function": {"arguments": "{}"}}, {"index": 1, **call(id="d")}]
    pieces = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "Hm"}),
        chunk({"content": "Hel"}, logprobs={"content": [TOKEN], "refusal": None}),
        chunk({"content": "lo"}),
        chunk({"refusal": "no"}),
        *(chunk({"tool_calls": [each]}) for each in calls),
        chunk({}, "tool_calls"),
        used(),
        DONE,
    ]
    writer, reader = StreamWriter(ECHO), reader_of()
    again = b"".join(reader.feed(writer.feed(piece)) for piece in pieces)
    assert reader.is_lossless
    first, second = assemble(b"".join(pieces)), assemble(again)
    assert first is not None
    assert second is not None
    assert json.loads(second) == json.loads(first)
    scanner = StreamScanner(include_usage=True)
    scanner.feed(again)
    assert (scanner.done, scanner.finish_reason, scanner.has_tool_calls) == (True, "tool_calls", True)
    assert scanner.usage is not None
    assert scanner.usage.total_tokens == USAGE["total_tokens"]


def test_whoever_tells_no_pieces_is_read_by_its_items() -> None:
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}
    message, is_lossless = read(BEGUN, item("done", thought), item("done", MESSAGE, 1), item("done", CALL, 2))
    assert (message["reasoning_content"], message["content"]) == ("Hm", "Hi")
    assert message["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert is_lossless


def test_what_was_told_in_pieces_is_not_told_again() -> None:
    message, _ = read(
        delta("output_text", "Hi"),
        {"type": "response.output_text.done", "text": "Hi"},
        item("done", MESSAGE),
        item("added", CALL, 1),
        delta("function_call_arguments", "{}", 1),
        item("done", CALL, 1),
    )
    assert (message["content"], message["tool_calls"][0]["function"]["arguments"]) == ("Hi", "{}")


def test_a_call_without_arguments_is_one() -> None:
    message, _ = read(item("added", CALL), item("done", {**CALL, "arguments": ""}))
    assert message["tool_calls"][0]["function"]["arguments"] == ""


@pytest.mark.parametrize("value", [{"type": "reasoning", "summary": []}, {"type": "message"}])
def test_an_item_without_words_says_nothing(value: dict[str, Any]) -> None:
    message, is_lossless = read(item("added", value), item("done", value))
    assert message["content"] == ""
    assert is_lossless


def test_parts_of_a_summary_are_set_apart() -> None:
    part = {"type": "response.reasoning_summary_part.added", "summary_index": 0}
    message, is_lossless = read(
        part,
        delta("reasoning_summary_text", "a"),
        {**part, "summary_index": 1},
        delta("reasoning_summary_text", "b"),
    )
    assert message["reasoning_content"] == "a\n\nb"
    assert is_lossless


def test_thoughts_are_not_told_twice() -> None:
    part = {"type": "response.reasoning_summary_part.added", "summary_index": 1}
    message, is_lossless = read(delta("reasoning_text", "a"), part, delta("reasoning_summary_text", "b"))
    assert (message["reasoning_content"], is_lossless) == ("a", False)


@pytest.mark.parametrize(
    "told",
    [
        {"type": "response.web_search_call.searching"},
        {"type": 3},
        item("done", {"type": "web_search_call"}),
        item("done", {"type": "reasoning", "summary": [], "encrypted_content": "x"}),
        delta("function_call_arguments", "{}", 9),
    ],
)
def test_what_a_chat_cannot_say_is_told_to_be_lost(told: dict[str, Any]) -> None:
    assert not read(BEGUN, told)[1]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"type": "error", "code": "server_error", "message": "It broke"}, "It broke"),
        ({"type": "error", "error": {"message": "It broke"}}, "It broke"),
        ({"type": "response.failed", "response": {"error": {"code": "x", "message": "It broke"}}}, "It broke"),
        ({"type": "response.failed", "response": {}}, "The model server gave no reason."),
    ],
)
def test_an_error_is_a_chats(told: dict[str, Any], message: str) -> None:
    scanner = StreamScanner(include_usage=True)
    scanner.feed(reader_of().feed(event(told)))
    assert scanner.error == message


def test_our_own_broken_streams_are_read_as_broken() -> None:
    writer, scanner = StreamWriter(ECHO), StreamScanner(include_usage=True)
    broken = writer.feed(chunk({"content": "x"}) + stream_error(GatewayError(ErrorCode.STREAM_STALLED, "Silence")))
    scanner.feed(reader_of().feed(broken))
    assert scanner.error == "Silence"


def test_comments_and_a_chats_end_say_nothing() -> None:
    reader = reader_of()
    assert reader.feed(PING) == PING
    assert reader.feed(DONE + b"data:\n\n" + event({"type": "response.queued"})) == b""
    assert reader.is_lossless


def test_the_usage_may_be_untold() -> None:
    assert b"usage" not in reader_of().feed(event({"type": "response.completed", "response": {}}))


def test_what_is_no_object_is_no_stream() -> None:
    with pytest.raises(StreamMalformed):
        reader_of().feed(b"data: [1]\n\n")


def test_an_item_without_a_place_is_the_first() -> None:
    message, _ = read({"type": "response.output_text.delta", "delta": "Hi"}, item("done", MESSAGE))
    assert message["content"] == "Hi"


def test_for_a_client_of_the_dialect_its_own_events_go_along_and_come_out_as_they_came() -> None:
    begun, own = StreamWriter(ECHO), reader_of(keeps_native=True)
    pieces = [chunk({"role": "assistant", "content": ""}), chunk({"content": "Hi"}), chunk({}, "stop"), used(), DONE]
    came = b"".join(map(begun.feed, pieces))
    scanner, writer = StreamScanner(include_usage=True), StreamWriter(b"")
    read = scanner.feed(own.feed(came))
    assert (scanner.has_content, scanner.done, scanner.finish_reason) == (True, True, "stop")
    assert writer.feed(read + DONE) == came
    first, second = assemble(b"".join(pieces)), assemble(read)
    assert first is not None
    assert second is not None
    assert json.loads(second) == json.loads(first)


def test_an_error_does_not_go_along() -> None:
    told = reader_of(keeps_native=True).feed(event({"type": "error", "message": "It broke"}))
    assert told.startswith(b'data: {"error":{"message":"It broke"')
    assert b"native-" not in told


def test_items_are_told_apart_by_their_identifiers_where_they_have_no_places() -> None:
    def without_place(told: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in told.items() if name != "output_index"}

    first, second = {**CALL, "id": "fc_1"}, {**CALL, "id": "fc_2", "call_id": "d"}
    message, is_lossless = read(
        without_place(delta("output_text", "Hi", item_id="msg_1")),
        without_place(item("done", {**MESSAGE, "id": "msg_1"})),
        without_place(item("added", {**first, "arguments": ""})),
        without_place(delta("function_call_arguments", "{}", item_id="fc_1")),
        without_place(item("done", first)),
        without_place(item("done", second)),
    )
    assert message["content"] == "Hi"
    assert [(call["id"], call["function"]["arguments"]) for call in message["tool_calls"]] == [("c", "{}"), ("d", "{}")]
    assert is_lossless
