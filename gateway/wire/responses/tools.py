"""The tools of a request and what their use is left to, to those of a chat."""

from typing import Any, Final

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.body_faults import invalid_value
from gateway.wire.responses.carriage import Carriage
from gateway.wire.responses.types import FunctionTool

_KEYS: Final = frozenset(
    {"type", "name", "description", "parameters", "strict", "allowed_callers", "defer_loading", "async"}
)
_ANYHOW: Final = ("none", "auto", "required")
_NAMES_A_HOST: Final = frozenset({"mcp"})
"""Tools that have a model's server call another one, with credentials that the request brings along."""
_DIRECTLY: Final = (None, ["direct"])


def to_tools(tools: list[Any], choice: str | dict[str, Any] | None, carriage: Carriage) -> dict[str, Any]:
    """Return a chat's members `tools` and `tool_choice`, as far as they say anything. Raises GatewayError.

    `allowed_tools` narrows the list itself: the same tools may be called, by any server.
    """
    functions = [found for at, tool in enumerate(tools) if (found := _function(tool, f"tools.{at}", carriage))]
    if choice is None or isinstance(choice, str):
        if choice is not None and choice not in _ANYHOW:
            raise _unknown_choice()
        chosen: Any = choice
    else:
        functions, chosen = _choose(functions, choice, carriage)
    members: dict[str, Any] = {}
    if functions:
        members["tools"] = functions
    if chosen is not None and (functions or chosen not in ("auto", "none")):
        members["tool_choice"] = chosen
    return members


def _function(tool: Any, within: str, carriage: Carriage) -> dict[str, Any] | None:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if kind != "function":
        if not isinstance(kind, str):
            message = f"'{within}' must be an object with a type that is text. Correct it."
            raise GatewayError(ErrorCode.INVALID_VALUE, message, param=within)
        if kind in _NAMES_A_HOST:
            message = f"'{within}' names a server to be called: hosts are the gateway's to set. Leave it out."
            raise GatewayError(ErrorCode.FORBIDDEN_FIELD, message, param=within)
        carriage.refuse(
            f"{within}.type",
            f"Tools of the type {kind[:64]!r} are run by OpenAI's own servers, or called in a way that no chat has. "
            "Offer functions instead.",
        )
        return None
    try:
        function = msgspec.convert(tool, FunctionTool)
    except msgspec.ValidationError as error:
        raise invalid_value(error, within) from error
    if tool.get("defer_loading") or tool.get("async") or tool.get("allowed_callers") not in _DIRECTLY:
        carriage.refuse(
            within, f"'{within}' is to be loaded later, called from a program or in the background: no chat has that."
        )
    carriage.leave_unknown(tool, _KEYS, "tools")
    named = ("name", "description", "parameters", "strict")
    given = {name: value for name in named if (value := getattr(function, name)) is not None}
    return {"type": "function", "function": given}


def _choose(
    functions: list[dict[str, Any]], choice: dict[str, Any], carriage: Carriage
) -> tuple[list[dict[str, Any]], Any]:
    match choice:
        case {"type": "function", "name": str(name)}:
            return functions, {"type": "function", "function": {"name": name}}
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": list(allowed)}:
            names = {tool.get("name") for tool in allowed if isinstance(tool, dict) and tool.get("type") == "function"}
            kept = [function for function in functions if function["function"]["name"] in names]
            if len(kept) == len(allowed):
                return kept, mode
            message = "'tool_choice.tools' must name functions that are in 'tools', each once. Correct it."
            raise GatewayError(ErrorCode.INVALID_VALUE, message, param="tool_choice.tools")
        case {"type": "function" | "allowed_tools"}:
            raise _unknown_choice()
        case {"type": str(kind)}:
            carriage.refuse("tool_choice", f"A tool of the type {kind[:64]!r} cannot be chosen. Choose a function.")
            return functions, None
        case _:
            raise _unknown_choice()


def _unknown_choice() -> GatewayError:
    message = (
        '\'tool_choice\' must be "none", "auto", "required", a function\'s name with the type "function", or '
        '"allowed_tools" with a mode and tools. Correct it.'
    )
    return GatewayError(ErrorCode.INVALID_VALUE, message, param="tool_choice")
