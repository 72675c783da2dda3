"""Whatever a Messages request or a chat's answer is, its translation means the same."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.limits import EdgeLimits
from gateway.domain.usage import TokenUsage
from gateway.wire.assemble import assemble
from gateway.wire.messages.answer import answer_from_chat
from gateway.wire.messages.from_chat import request_from_chat
from gateway.wire.messages.request import to_chat
from gateway.wire.messages.stream_reader import StreamReader
from gateway.wire.messages.stream_writer import StreamWriter
from gateway.wire.messages.tokens import tokens_of
from gateway.wire.sse import DONE, data_event, decode_events

LIMITS = EdgeLimits()
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8) | st.sampled_from(["😀", '"', "\n", "[DONE]"])
NAMES = st.sampled_from(["weather", "time"])
VALUES = st.none() | st.integers(-9, 9) | TEXTS
OBJECTS = st.dictionaries(TEXTS, VALUES | st.lists(VALUES, max_size=2), max_size=2)

Pair = tuple[dict[str, Any], list[dict[str, Any]]]
"""A turn as a Messages request has it, and as the messages of a chat."""


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _plain(parts: list[dict[str, Any]]) -> Any:
    return parts[0]["text"] if len(parts) == 1 and "text" in parts[0] else parts


@st.composite
def asked(draw: st.DrawFn) -> Pair:
    """What a user says: a text, or texts and pictures behind the results of tools."""
    if draw(st.booleans()):
        text = draw(TEXTS)
        return {"role": "user", "content": text}, [{"role": "user", "content": text}]
    results = draw(st.lists(st.tuples(TEXTS, TEXTS), max_size=2))
    parts = draw(st.lists(TEXTS.map(_text) | st.just({}), min_size=1, max_size=3))
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    blocks: list[dict[str, Any]] = [
        {"type": "tool_result", "tool_use_id": call, "content": said} for call, said in results
    ]
    said = [part or {"type": "image", "source": source} for part in parts]
    shown = [part or {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}} for part in parts]
    return {"role": "user", "content": [*blocks, *said]}, [
        *({"role": "tool", "tool_call_id": call, "content": told} for call, told in results),
        {"role": "user", "content": _plain(shown)},
    ]


@st.composite
def answered(draw: st.DrawFn) -> Pair:
    """What a model says: thoughts, texts, calls."""
    thought, texts = draw(st.none() | TEXTS), draw(st.lists(TEXTS, max_size=2))
    calls = draw(st.lists(st.tuples(TEXTS, NAMES, OBJECTS), max_size=2))
    message: dict[str, Any] = {"role": "assistant", "content": "" if not calls else None}
    if texts:
        message["content"] = _plain([_text(text) for text in texts])
    blocks: list[dict[str, Any]] = [_text(text) for text in texts]
    if thought is not None:
        blocks.insert(0, {"type": "thinking", "thinking": thought, "signature": ""})
        message["reasoning_content"] = thought
    blocks += [{"type": "tool_use", "id": call, "name": name, "input": given} for call, name, given in calls]
    if calls:
        message["tool_calls"] = [
            {"id": call, "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
            for call, name, given in calls
        ]
    return {"role": "assistant", "content": blocks}, [message]


@given(st.lists(asked() | answered(), max_size=5), asked(), st.none() | TEXTS, st.booleans())
def test_a_request_and_its_chat_say_the_same(turns: list[Pair], last: Pair, system: str | None, stream: bool) -> None:
    members: dict[str, Any] = {"model": "auto", "max_tokens": 8}
    body = {**members, "messages": [turn for turn, _ in (*turns, last)], "system": system, "stream": stream}
    messages = [message for _, messages in (*turns, last) for message in messages]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    form = to_chat(json.dumps(body).encode(), LIMITS)
    expected = {**members, "messages": messages}
    if stream:
        expected |= {"stream": True, "stream_options": {"include_usage": True}}
    assert json.loads(form.chat) == expected
    assert form.not_carried == ()


DELTAS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({"role": "assistant", "content": ""}),
    st.fixed_dictionaries({"content": TEXTS}),
    st.fixed_dictionaries({"reasoning_content": TEXTS}),
)


@st.composite
def streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The chunks of a chat: thoughts, then words, then calls, as models write them."""
    deltas: list[dict[str, Any]] = sorted(
        draw(st.lists(DELTAS, max_size=6)), key=lambda delta: "reasoning_content" not in delta
    )
    for index, (name, input_) in enumerate(draw(st.lists(st.tuples(NAMES, OBJECTS), max_size=2))):
        arguments = json.dumps(input_)
        half = draw(st.integers(0, len(arguments)))
        call: dict[str, Any] = {
            "index": index,
            "id": f"t{index}",
            "type": "function",
            "function": {"name": name, "arguments": ""},
        }
        deltas.append({"tool_calls": [call]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": part}}]}
            for part in (arguments[:half], arguments[half:])
        ]
    ending = draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
    counts = draw(st.tuples(st.integers(1, 99), st.integers(0, 99)))
    usage = {
        "prompt_tokens": counts[0],
        "completion_tokens": counts[1],
        "prompt_tokens_details": {"cached_tokens": counts[0] // 2},
    }
    head = {"id": "c-1", "object": "chat.completion.chunk", "model": "m"}
    choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": ending})
    return [*({**head, "choices": [choice]} for choice in choices), {**head, "choices": [], "usage": usage}]


def written(reads: list[bytes]) -> bytes:
    writer = StreamWriter()
    return b"".join([writer.feed(read) for read in reads])


def put_together(told: bytes) -> dict[str, Any]:
    """Make the message of a stream's events, as Anthropic's clients do."""
    message: dict[str, Any] = {}
    texts: list[str] = []
    for event in decode_events(told):
        data = json.loads(event.data or b"")
        if data["type"] == "message_start":
            message = data["message"]
        elif data["type"] == "content_block_start":
            message["content"].append(data["content_block"])
            texts.append("")
        elif data["type"] == "content_block_delta":
            kind, piece = next(item for item in data["delta"].items() if item[0] != "type")
            texts[data["index"]] += piece
            name = "input" if kind == "partial_json" else kind
            whole = texts[data["index"]]
            message["content"][data["index"]][name] = whole
        elif data["type"] == "message_delta":
            message |= {**data["delta"], "usage": data["usage"]}
    for block in message["content"]:
        if isinstance(block.get("input"), str):
            block["input"] = json.loads(block["input"])
    return message


@given(streams(), st.booleans())
def test_a_stream_cut_at_every_byte_gives_the_same_events(chunks: list[dict[str, Any]], escapes: bool) -> None:
    stream = b"".join([data_event(json.dumps(chunk, ensure_ascii=escapes).encode()) for chunk in chunks]) + DONE
    told = written([stream])
    assert written([stream[at : at + 1] for at in range(len(stream))]) == told
    assert written([stream[:31], stream[31:]]) == told


@given(streams())
def test_a_streamed_message_is_the_whole_one(chunks: list[dict[str, Any]]) -> None:
    stream = b"".join([data_event(json.dumps(chunk).encode()) for chunk in chunks]) + DONE
    whole = assemble(stream)
    assert whole is not None
    assert put_together(written([stream])) == json.loads(answer_from_chat(whole))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))
def test_nothing_of_a_usage_is_lost_or_counted_twice(uncached: int, cached: int, output: int) -> None:
    told = tokens_of(TokenUsage(uncached + cached, output, cached))
    assert (told["input_tokens"], told["cache_read_input_tokens"], told["output_tokens"]) == (uncached, cached, output)


@given(st.lists(st.tuples(asked(), answered()), max_size=2), asked())
def test_a_chat_put_as_a_request_and_back_says_the_same(turns: list[tuple[Pair, Pair]], last: Pair) -> None:
    pairs = [pair for both in turns for pair in both]
    messages = [message for _, chat in (*pairs, last) for message in chat]
    for message in messages:
        message.pop("reasoning_content", None)
    chat = {"model": "m", "messages": messages, "max_tokens": 8}
    asked_, left_out = request_from_chat(json.dumps(chat).encode(), 99)
    back = json.loads(to_chat(asked_, LIMITS).chat)
    for message in (*messages, *back["messages"]):
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    assert (back, left_out) == (chat, ())


@given(streams())
def test_a_stream_put_as_events_and_back_says_the_same(chunks: list[dict[str, Any]]) -> None:
    stream = b"".join([data_event(json.dumps(chunk).encode()) for chunk in chunks]) + DONE
    told = written([stream])
    reads = [told, *(told[at : at + 1] for at in range(len(told)))]
    whole, pieces = StreamReader(created_s=0, keeps_native=False), StreamReader(created_s=0, keeps_native=False)
    back = whole.feed(reads[0])
    assert b"".join([pieces.feed(read) for read in reads[1:]]) == back
    answers = [assemble(stream), assemble(back)]
    assert None not in answers
    assert len({answer_from_chat(answer) for answer in answers if answer is not None}) == 1
