"""Input items become the messages of a chat."""

from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.wire.responses.carriage import NAMES_MAX, OTHERS, Carriage
from gateway.wire.responses.items import to_messages
from gateway.wire.responses.parts import to_content
from gateway.wire.responses.types import InputText

IMAGE = "data:image/png;base64,AA"


def translate(*items: Any, limits: EdgeLimits | None = None) -> tuple[list[dict[str, Any]], Carriage]:
    """Translate items; return what was left behind, too."""
    carriage = Carriage()
    return to_messages(list(items), limits or EdgeLimits(), carriage), carriage


def messages(*items: Any) -> list[dict[str, Any]]:
    """Translate items of which nothing is left behind."""
    said, carriage = translate(*items)
    assert (carriage.names, carriage.refusal) == ((), None)
    return said


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    """What a user says, in parts."""
    return {"role": "user", "content": list(parts)}


def call(number: int, **members: Any) -> dict[str, Any]:
    """A model's call of a function."""
    return {"type": "function_call", "call_id": f"call_{number}", "name": "f", "arguments": "{}", **members}


def result(number: int, output: Any = "sunny", **members: Any) -> dict[str, Any]:
    """What a function gave back."""
    return {"type": "function_call_output", "call_id": f"call_{number}", "output": output, **members}


def told_call(number: int) -> dict[str, Any]:
    """The call as a chat has it."""
    return {"id": f"call_{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def answer(text: str) -> dict[str, Any]:
    """What a model said before, as it was given to the client."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}


@pytest.mark.parametrize("role", ["user", "assistant", "system", "developer"])
def test_a_message_keeps_its_role(role: str) -> None:
    assert messages({"role": role, "content": "Hello"}) == [{"role": role, "content": "Hello"}]
    assert messages({"type": "message", "role": role, "content": "x"}) == [{"role": role, "content": "x"}]


def test_parts_become_a_chats() -> None:
    sound = {"data": "AA", "format": "wav"}
    said = messages(
        user(
            {"type": "input_text", "text": "Look"},
            {"type": "input_image", "image_url": IMAGE, "detail": "low"},
            {"type": "input_image", "image_url": IMAGE},
            {"type": "input_file", "file_data": "data:x", "filename": "a.pdf"},
            {"type": "input_file", "file_data": "data:x"},
            {"type": "input_audio", "input_audio": sound},
        )
    )
    assert said[0]["content"] == [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": IMAGE}},
        {"type": "file", "file": {"file_data": "data:x", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "data:x"}},
        {"type": "input_audio", "input_audio": sound},
    ]


def test_a_single_text_is_a_mere_string() -> None:
    assert messages(user({"type": "input_text", "text": "Hi"})) == [{"role": "user", "content": "Hi"}]
    assert messages(answer("Hello")) == [{"role": "assistant", "content": "Hello"}]
    alone = [{"type": "refusal", "refusal": "No"}]
    assert messages({"role": "assistant", "content": alone}) == [{"role": "assistant", "content": alone}]


def test_what_is_a_text_already_stays_one() -> None:
    assert to_content("Hi", [], "input.0", EdgeLimits(), Carriage()) == "Hi"
    assert to_content([InputText("Hi")], [{"type": "input_text", "text": "Hi"}], "", EdgeLimits(), Carriage()) == "Hi"


def test_calls_and_results_follow_each_other_as_in_a_chat() -> None:
    said = messages({"role": "user", "content": "?"}, call(1), call(2), result(1), result(2, "rain"), answer("Both"))
    assert said[1:] == [
        {"role": "assistant", "content": None, "tool_calls": [told_call(1), told_call(2)]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "tool", "tool_call_id": "call_2", "content": "rain"},
        {"role": "assistant", "content": "Both"},
    ]


def test_a_text_before_calls_is_in_their_message() -> None:
    said = messages(answer("Let me look"), call(1), result(1))
    assert said[0] == {"role": "assistant", "content": "Let me look", "tool_calls": [told_call(1)]}


def test_a_text_between_a_call_and_its_result_is_in_the_calls_message() -> None:
    assert messages(call(1), answer("Wait"), result(1))[0]["content"] == "Wait"
    both = messages(answer("First"), call(1), answer("Wait"), result(1))
    assert both[0]["content"] == [{"type": "text", "text": "First"}, {"type": "text", "text": "Wait"}]
    assert [message["role"] for message in both] == ["assistant", "tool"]


def test_calls_in_turns_stay_in_turns() -> None:
    roles = [message["role"] for message in messages(call(1), result(1), call(2), result(2))]
    assert roles == ["assistant", "tool", "assistant", "tool"]


def test_a_result_may_have_several_texts() -> None:
    texts = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    assert messages(call(1), result(1, texts))[1]["content"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b"},
    ]


def test_members_that_only_keep_the_books_are_not_told() -> None:
    assert messages(
        call(1, id="fc_1", status="completed", caller={"type": "direct"}, namespace=None),
        result(1, id="fco_1", status="completed", name="f"),
    )


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}, "input.reasoning"),
        ({"role": "assistant", "content": "x", "phase": "commentary"}, "input.phase"),
        (call(1, mood="glad"), "input.mood"),
        (result(1, mood="glad"), "input.mood"),
        (
            user({"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}),
            "input.content.prompt_cache_breakpoint",
        ),
        (
            {"role": "assistant", "content": [{"type": "output_text", "text": "x", "annotations": [{"type": "a"}]}]},
            "input.content.annotations",
        ),
    ],
)
def test_what_a_model_does_not_need_is_named(item: dict[str, Any], name: str) -> None:
    _, carriage = translate(item)
    assert (carriage.names, carriage.refusal) == ((name,), None)
    assert name.encode() in carriage.left


def test_a_name_is_told_once() -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    _, carriage = translate(thought, thought)
    assert carriage.names == ("input.reasoning",)


def test_names_without_end_are_summed_up() -> None:
    _, carriage = translate({"role": "user", "content": "x", **{f"n{at}": at for at in range(NAMES_MAX + 2)}})
    assert (len(carriage.names), carriage.names[-1]) == (NAMES_MAX + 1, OTHERS)


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "web_search_call", "id": "ws_1", "status": "completed"}, "input.0.type"),
        ({"type": "item_reference", "id": "msg_1"}, "input.0.type"),
        (call(1, namespace="n"), "input.0"),
        (call(1, caller={"type": "program", "caller_id": "c"}), "input.0"),
        ({**call(1), "async": True}, "input.0"),
        (result(1, [{"type": "input_image", "image_url": IMAGE}]), "input.0.output"),
        (user({"type": "input_image", "file_id": "file_1"}), "input.0.content.0.file_id"),
        (user({"type": "input_file", "file_id": "file_1"}), "input.0.content.0.file_id"),
        (user({"type": "input_file", "file_url": "https://a"}), "input.0.content.0.file_url"),
    ],
)
def test_what_a_chat_has_no_words_for_is_refused(item: dict[str, Any], param: str) -> None:
    _, carriage = translate(item)
    assert carriage.refusal is not None
    assert (carriage.refusal.code, carriage.refusal.param) == (ErrorCode.INVALID_VALUE, param)


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ("text", "input.0"),
        ({"type": 3}, "input.0"),
        ({"content": "x"}, "input.0.role"),
        ({"role": "tool", "content": "x"}, "input.0.role"),
        ({"role": "user"}, "input.0.content"),
        (user({"type": "output_word", "text": "x"}), "input.0.content.0.type"),
        (user({"type": "input_text"}), "input.0.content.0.text"),
        (user({"type": "input_image"}), "input.0.content.0.image_url"),
        ({"type": "function_call", "call_id": "c", "arguments": "{}"}, "input.0.name"),
        ({"type": "function_call_output", "output": "x"}, "input.0.call_id"),
    ],
)
def test_what_is_wrong_has_its_place(item: Any, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        translate(item)
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_VALUE, param)


def test_images_by_address_may_be_forbidden() -> None:
    item = user({"type": "input_image", "image_url": "https://example.org/a.png"})
    assert messages(item)
    with pytest.raises(GatewayError) as caught:
        translate(item, limits=EdgeLimits(remote_images=False))
    assert (caught.value.code, caught.value.param) == (ErrorCode.FORBIDDEN_FIELD, "input.0.content.0.image_url")
    file = user({"type": "input_file", "file_url": "https://example.org/a.pdf"})
    with pytest.raises(GatewayError) as caught:
        translate(file, limits=EdgeLimits(remote_images=False))
    assert (caught.value.code, caught.value.param) == (ErrorCode.FORBIDDEN_FIELD, "input.0.content.0.file_url")
    assert translate(user({"type": "input_image", "image_url": IMAGE}), limits=EdgeLimits(remote_images=False))
