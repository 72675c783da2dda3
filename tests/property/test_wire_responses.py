"""What a chat and a response can both say means the same in either, however its bytes arrive."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.wire.assemble import assemble
from gateway.wire.openai_request import canonicalise
from gateway.wire.openai_response import AnswerMalformed, read_answer
from gateway.wire.responses.answer import answer_from_chat
from gateway.wire.responses.answer_reader import answer_to_chat
from gateway.wire.responses.echo import echo
from gateway.wire.responses.request import to_chat
from gateway.wire.responses.request_writer import request_from_chat
from gateway.wire.responses.stream_reader import StreamReader
from gateway.wire.responses.stream_writer import StreamWriter
from gateway.wire.sse import DONE, StreamMalformed
from tests.support.openai_bodies import event
from tests.unit.wire.responses.answers import ECHO, events_of, response_of

LIMITS = EdgeLimits()
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(["😀", '"error"', "\n\n", "data: [DONE]"])
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
COUNTS = st.integers(1, 99)
USAGES = st.builds(
    lambda prompt, completion, cached, thought: {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": min(cached, prompt)},
        "completion_tokens_details": {"reasoning_tokens": min(thought, completion)},
    },
    COUNTS,
    COUNTS,
    COUNTS,
    COUNTS,
)
CALLS = st.builds(
    lambda identity, name, arguments: {
        "id": identity,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    WORDS,
    WORDS,
    TEXTS,
)
ENDINGS = st.sampled_from(["stop", "length", "content_filter"])


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    """What a model answers: each of the things that an answer may hold, or not."""
    message: dict[str, Any] = {"role": "assistant"}
    for name in ("reasoning_content", "content", "refusal"):
        message[name] = draw(st.none() | WORDS)
    if message["reasoning_content"] is None:
        del message["reasoning_content"]
    calls = draw(st.lists(CALLS, max_size=2))
    return {**message, "tool_calls": calls} if calls else message


@st.composite
def answers(draw: st.DrawFn) -> dict[str, Any]:
    """A chat's whole answer."""
    message = draw(messages())
    ending = draw(ENDINGS)
    if ending == "stop" and "tool_calls" in message:
        ending = "tool_calls"
    choice = {"index": 0, "message": message, "finish_reason": ending, "logprobs": None}
    head = {"id": "chatcmpl-" + draw(WORDS), "created": draw(COUNTS), "model": draw(WORDS)}
    return {**head, "object": "chat.completion", "choices": [choice], "usage": draw(USAGES)}


def cut(text: str) -> list[str]:
    """Cut a text in two, where it is long enough."""
    return [text] if len(text) < 2 else [text[:1], text[1:]]


def streamed(answer: dict[str, Any]) -> bytes:
    """Tell an answer as a server would stream it."""
    head = {name: answer[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    choice = answer["choices"][0]
    message = choice["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    for name in ("reasoning_content", "content", "refusal"):
        deltas += [{name: piece} for piece in cut(message.get(name) or "") if piece]
    for number, call in enumerate(message.get("tool_calls", ())):
        function = call["function"]
        deltas.append({"tool_calls": [{**call, "index": number, "function": {**function, "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}
            for piece in cut(function["arguments"])
        ]
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    return b"".join(map(event, [*chunks, {**head, "choices": [], "usage": answer["usage"]}])) + DONE


def told(reads: list[bytes]) -> bytes:
    """Translate a stream that arrives in these pieces."""
    writer = StreamWriter(ECHO)
    return b"".join(map(writer.feed, reads))


def read(reads: list[bytes], *, keeps_native: bool = False) -> tuple[bytes, bool]:
    """Read a response's stream that arrives in these pieces."""
    reader = StreamReader(created_s=1, keeps_native=keeps_native)
    return b"".join(map(reader.feed, reads)), reader.is_lossless


def bytewise(stream: bytes) -> list[bytes]:
    """Cut a stream at every byte."""
    return [stream[at : at + 1] for at in range(len(stream))]


def fields_of(response: dict[str, Any]) -> dict[str, Any]:
    """Return what a response says, by a chat's names for it."""
    said: dict[str, Any] = {"tool_calls": []}
    for item in response["output"]:
        match item["type"]:
            case "reasoning":
                said["reasoning_content"] = item["summary"][0]["text"]
            case "function_call":
                said["tool_calls"].append((item["call_id"], item["name"], item["arguments"]))
            case _:
                for part in item["content"]:
                    refuses = part["type"] == "refusal"
                    said["refusal" if refuses else "content"] = part["refusal" if refuses else "text"]
    return {name: value for name, value in said.items() if value}


@settings(deadline=None)
@given(answers())
def test_a_response_says_what_the_chats_answer_says(answer: dict[str, Any]) -> None:
    response = response_of(answer_from_chat(json.dumps(answer).encode(), ECHO))
    message = answer["choices"][0]["message"]
    calls = [(call["id"], *call["function"].values()) for call in message.pop("tool_calls", ())]
    assert fields_of(response) == {
        name: value for name, value in (message | {"tool_calls": calls}).items() if value and name != "role"
    }
    usage = read_answer(json.dumps(answer).encode()).usage
    assert usage is not None
    told = response["usage"]
    assert (told["input_tokens"], told["output_tokens"]) == (usage.input_tokens, usage.output_tokens)
    assert told["input_tokens_details"]["cached_tokens"] == usage.cached_input_tokens
    assert told["output_tokens_details"]["reasoning_tokens"] == usage.reasoning_tokens


@settings(max_examples=40, deadline=None)
@given(answers())
def test_a_stream_comes_to_the_whole_answer_however_it_is_cut(answer: dict[str, Any]) -> None:
    stream = streamed(answer)
    events = told([stream])
    whole = response_of(answer_from_chat(json.dumps(answer).encode(), ECHO))
    assert events_of(events)[-1]["response"] == whole
    assert told(bytewise(stream)) == events


PARTS = st.one_of(
    st.builds(lambda text: {"type": "input_text", "text": text}, TEXTS),
    st.builds(lambda text: {"type": "input_image", "image_url": "data:image/png;base64," + text}, WORDS),
    st.builds(lambda text: {"type": "input_file", "file_data": text}, WORDS),
)
ITEMS = st.one_of(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "assistant", "system", "developer"]),
        TEXTS | st.lists(PARTS, min_size=1, max_size=3),
    ),
    st.builds(
        lambda identity, name, text: {"type": "function_call", "call_id": identity, "name": name, "arguments": text},
        WORDS,
        WORDS,
        TEXTS,
    ),
    st.builds(
        lambda identity, text: {"type": "function_call_output", "call_id": identity, "output": text}, WORDS, TEXTS
    ),
    st.just({"type": "reasoning", "id": "rs_1", "summary": []}),
)


def words_of(value: Any) -> list[str]:
    """Return the texts of a prompt, in order, wherever they stand in it."""
    if isinstance(value, dict):
        named = ("content", "output", "text", "file_data", "image_url", "url", "file", "arguments", "function")
        listed = [value[name] for name in (*named, "tool_calls") if name in value]
        return words_of(listed)
    if isinstance(value, list):
        return [word for each in value for word in words_of(each)]
    return [value] if value else []


@given(st.lists(ITEMS, min_size=1, max_size=6))
def test_a_prompt_keeps_its_words_in_their_order(items: list[dict[str, Any]]) -> None:
    body = json.dumps({"model": "auto", "input": items}).encode()
    if all(item.get("type") == "reasoning" for item in items):
        return
    chat = to_chat(body, LIMITS).chat
    canonicalise(Operation.CHAT, chat, LIMITS)
    assert sorted(words_of(json.loads(chat)["messages"])) == sorted(words_of(items))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "role", "content"]), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["model", "input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "stream", "n", "store"]
)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.dictionaries(NAMES, VALUES | ITEMS).map(lambda given: json.dumps(given).encode()))
def test_whatever_the_bytes_a_request_is_a_sound_chat_or_the_clients_error(body: bytes) -> None:
    status = 400
    try:
        form = to_chat(body, LIMITS)
        canonicalise(Operation.CHAT, form.chat, LIMITS)
        response_of(answer_from_chat(b"{}", echo(form.body)))
    except GatewayError as error:
        status = error.status
    assert 400 <= status < 500


@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps({"created_at": value, "output": [value]}).encode()))
def test_whatever_a_server_of_the_dialect_says_is_a_chats_answer_or_none(body: bytes) -> None:
    try:
        read_answer(answer_to_chat(body, 1)[0])
        read([b"data: " + b"".join(body.splitlines()) + b"\n\n"])
    except (AnswerMalformed, StreamMalformed):
        return


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40) | VALUES.map(lambda value: json.dumps(value).encode()), max_size=4))
def test_whatever_a_chat_says_can_be_told(payloads: list[bytes]) -> None:
    writer = StreamWriter(ECHO)
    lines = [b"".join(payload.splitlines()) for payload in payloads]
    stream = b"".join(writer.feed(b"data: " + line + b"\n\n") for line in lines if b'"error"' not in line)
    events_of(stream + writer.feed(DONE))
    for payload in payloads:
        response_of(answer_from_chat(payload, ECHO))


@settings(deadline=None)
@given(answers())
def test_an_answer_is_the_same_after_both_translations(answer: dict[str, Any]) -> None:
    again, is_lossless = answer_to_chat(answer_from_chat(json.dumps(answer).encode(), ECHO), 1)
    assert is_lossless
    assert json.loads(again) == answer


@settings(max_examples=40, deadline=None)
@given(answers())
def test_a_stream_is_the_same_after_both_translations_however_it_is_cut(answer: dict[str, Any]) -> None:
    stream = streamed(answer)
    events = told([stream])
    again, is_lossless = read([events])
    assert is_lossless
    assert read(bytewise(events)) == (again, True)
    first, second = assemble(stream), assemble(again)
    assert first is not None
    assert second is not None
    assert json.loads(second) == json.loads(first)
    along, _ = read([events], keeps_native=True)
    assert told([along]) == events


CHAT_PARTS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, WORDS),
    st.builds(lambda text: {"type": "image_url", "image_url": {"url": "data:" + text, "detail": "auto"}}, WORDS),
    st.builds(lambda text: {"type": "file", "file": {"file_data": text}}, WORDS),
)
TURNS = st.one_of(
    st.builds(
        lambda role, content: [{"role": role, "content": content}],
        st.sampled_from(["user", "system", "developer"]),
        WORDS | st.lists(CHAT_PARTS, min_size=2, max_size=3),
    ),
    st.builds(
        lambda words, calls: [
            {"role": "assistant", "content": words, "tool_calls": calls},
            *({"role": "tool", "tool_call_id": call["id"], "content": "x"} for call in calls),
        ],
        st.none() | WORDS,
        st.lists(CALLS, min_size=1, max_size=2),
    ),
    st.builds(lambda words: [{"role": "assistant", "content": words}, {"role": "user", "content": words}], WORDS),
)
TOOLS = st.builds(
    lambda name, strict: {"type": "function", "function": {"name": name, "parameters": {}, "strict": strict}},
    WORDS,
    st.booleans(),
)
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "max_completion_tokens": COUNTS,
        "temperature": st.sampled_from([0.0, 0.5, 1.0]),
        "top_p": st.sampled_from([0.5, 1.0]),
        "reasoning_effort": st.sampled_from(["low", "high"]),
        "verbosity": st.sampled_from(["low", "high"]),
        "parallel_tool_calls": st.booleans(),
        "logprobs": st.just(True),
        "response_format": st.sampled_from(
            [{"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "n", "schema": {"a": 1}}}]
        ),
        "user": WORDS,
    },
)


@given(st.lists(TURNS, min_size=1, max_size=4), st.lists(TOOLS, min_size=1, max_size=2), MEMBERS)
def test_a_request_is_the_same_after_both_translations(
    turns: list[list[dict[str, Any]]], tools: list[dict[str, Any]], members: dict[str, Any]
) -> None:
    messages = [message for turn in turns for message in turn]
    chat = {"model": "auto", "messages": messages, "tools": tools, "tool_choice": "auto", **members}
    request, left_out = request_from_chat(json.dumps(chat).encode())
    assert left_out == ()
    form = to_chat(request, LIMITS)
    assert (form.not_carried, form.refusal) == ((), None)
    assert json.loads(form.chat) == chat
