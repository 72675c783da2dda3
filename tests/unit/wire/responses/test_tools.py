"""Tools, what their use is left to, and the form of an answer become a chat's."""

from typing import Any

import pytest

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.responses.carriage import Carriage
from gateway.wire.responses.format import to_format
from gateway.wire.responses.tools import to_tools
from gateway.wire.responses.types import Text

SCHEMA = {"type": "object", "properties": {"town": {"type": "string"}}}


def tool(name: str = "weather", **members: Any) -> dict[str, Any]:
    """A function as a request offers it."""
    return {"type": "function", "name": name, **members}


def translate(*tools: Any, choice: Any = None) -> tuple[dict[str, Any], Carriage]:
    """Translate tools; return what was left behind, too."""
    carriage = Carriage()
    return to_tools(list(tools), choice, carriage), carriage


def members(*tools: Any, choice: Any = None) -> dict[str, Any]:
    """Translate tools of which nothing is left behind."""
    told, carriage = translate(*tools, choice=choice)
    assert (carriage.names, carriage.refusal) == ((), None)
    return told


def test_a_function_is_nested_in_a_chat() -> None:
    told = members(tool(description="Tell it", parameters=SCHEMA, strict=True, defer_loading=False))
    function = {"name": "weather", "description": "Tell it", "parameters": SCHEMA, "strict": True}
    assert told == {"tools": [{"type": "function", "function": function}]}


def test_what_is_null_is_left_out() -> None:
    told = members(tool(description=None, parameters=None, strict=None, allowed_callers=None))
    assert told["tools"] == [{"type": "function", "function": {"name": "weather"}}]


@pytest.mark.parametrize("choice", ["none", "auto", "required"])
def test_a_choice_by_word_stays(choice: str) -> None:
    assert members(tool(), choice=choice)["tool_choice"] == choice


def test_a_function_that_must_be_called_is_nested_too() -> None:
    told = members(tool(), choice={"type": "function", "name": "weather"})
    assert told["tool_choice"] == {"type": "function", "function": {"name": "weather"}}


def test_allowed_tools_narrow_the_list() -> None:
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "b"}]}
    told = members(tool("a"), tool("b"), choice=allowed)
    assert [each["function"]["name"] for each in told["tools"]] == ["b"]
    assert told["tool_choice"] == "required"


@pytest.mark.parametrize(
    ("tools", "choice", "param"),
    [
        ([{"type": "web_search"}], None, "tools.0.type"),
        ([{"type": "custom", "name": "x"}], None, "tools.0.type"),
        ([tool(defer_loading=True)], None, "tools.0"),
        ([tool(allowed_callers=["programmatic"])], None, "tools.0"),
        ([{**tool(), "async": True}], None, "tools.0"),
        ([tool()], {"type": "web_search_preview"}, "tool_choice"),
    ],
)
def test_what_no_chat_has_is_refused(tools: list[Any], choice: Any, param: str) -> None:
    _, carriage = translate(*tools, choice=choice)
    assert carriage.refusal is not None
    assert (carriage.refusal.code, carriage.refusal.param) == (ErrorCode.INVALID_VALUE, param)


def test_a_tool_that_names_a_host_is_forbidden() -> None:
    with pytest.raises(GatewayError) as caught:
        translate({"type": "mcp", "server_label": "x", "server_url": "http://10.0.0.1"})
    assert (caught.value.code, caught.value.param) == (ErrorCode.FORBIDDEN_FIELD, "tools.0")


def test_what_a_model_does_not_need_is_named() -> None:
    _, carriage = translate(tool(output_schema={}))
    assert carriage.names == ("tools.output_schema",)


@pytest.mark.parametrize(
    ("tools", "choice", "param"),
    [
        (["weather"], None, "tools.0"),
        ([{"name": "weather"}], None, "tools.0"),
        ([{"type": "function"}], None, "tools.0.name"),
        ([tool(parameters=3)], None, "tools.0.parameters"),
        ([tool()], "perhaps", "tool_choice"),
        ([tool()], {}, "tool_choice"),
        ([tool()], {"type": "function"}, "tool_choice"),
        ([tool()], {"type": "allowed_tools", "mode": "auto", "tools": [{"name": "weather"}]}, "tool_choice.tools"),
        ([tool()], {"type": "allowed_tools", "mode": "auto", "tools": [tool("x")]}, "tool_choice.tools"),
        ([tool()], {"type": "allowed_tools", "mode": "any", "tools": []}, "tool_choice"),
    ],
)
def test_what_is_wrong_has_its_place(tools: list[Any], choice: Any, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        translate(*tools, choice=choice)
    assert (caught.value.code, caught.value.param) == (ErrorCode.INVALID_VALUE, param)


def shape(**text: Any) -> tuple[dict[str, Any], Carriage]:
    """Translate what a text must look like."""
    carriage = Carriage()
    return to_format(Text(**text), carriage), carriage


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ({}, {}),
        ({"format": {"type": "text"}, "verbosity": "low"}, {"verbosity": "low"}),
        ({"format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        (
            {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True, "description": None}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
                }
            },
        ),
    ],
)
def test_a_form_is_a_chats(text: dict[str, Any], wanted: dict[str, Any]) -> None:
    told, carriage = shape(**text)
    assert (told, carriage.refusal) == (wanted, None)


def test_a_form_that_no_chat_has_is_refused() -> None:
    _, carriage = shape(format={"type": "grammar"})
    assert carriage.refusal is not None
    assert carriage.refusal.param == "text.format"


@pytest.mark.parametrize(
    ("given", "param"), [({}, "text.format.type"), ({"type": "json_schema", "name": "n"}, "text.format.schema")]
)
def test_a_form_that_is_none_has_its_place(given: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        shape(format=given)
    assert caught.value.param == param
