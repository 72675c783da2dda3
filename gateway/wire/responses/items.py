"""Input items to the messages of a chat.

What a model thought (`reasoning`) is left behind: no chat has a place for it that all servers read, models answer
without it, and what is encrypted only its own provider could read. Calls of functions that follow each other become one
message, as in a chat; a text that stands between a call and its result joins the call's message, since a chat's results
must follow their calls at once.
"""

from typing import Any, Final, TypeVar

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.wire.body_faults import invalid_value
from gateway.wire.responses.carriage import Carriage
from gateway.wire.responses.parts import to_content
from gateway.wire.responses.types import FunctionCall, FunctionCallOutput, Message

_T = TypeVar("_T")

_MESSAGE_KEYS: Final = frozenset({"type", "role", "content", "id", "status"})
_CALL_KEYS: Final = frozenset({"type", "call_id", "name", "arguments", "id", "status", "caller", "namespace", "async"})
_OUTPUT_KEYS: Final = frozenset({"type", "call_id", "output", "id", "status", "caller", "name", "namespace"})
_DIRECT: Final = (None, {"type": "direct"})


def to_messages(items: list[Any], limits: EdgeLimits, carriage: Carriage) -> list[dict[str, Any]]:
    """Translate input items. Raises GatewayError `invalid_value` with the item's place."""
    messages: list[dict[str, Any]] = []
    for at, item in enumerate(items):
        within = f"input.{at}"
        kind = item.get("type", "message") if isinstance(item, dict) else None
        match kind:
            case "message":
                _add_message(messages, item, within, limits, carriage)
            case "function_call":
                _add_call(messages, item, within, carriage)
            case "function_call_output":
                messages.append(_result(item, within, limits, carriage))
            case "reasoning":
                carriage.leave("input.reasoning", item)
            case str():
                carriage.refuse(
                    f"{within}.type",
                    f"Items of the type {kind[:64]!r} cannot be told to a model behind chat completions. Leave it out, "
                    "and send what was said as messages.",
                )
            case _:
                message = f"'{within}' must be an object with a type that is text. Correct it."
                raise GatewayError(ErrorCode.INVALID_VALUE, message, param=within)
    return messages


def _add_message(
    messages: list[dict[str, Any]], item: dict[str, Any], within: str, limits: EdgeLimits, carriage: Carriage
) -> None:
    said = _convert(item, Message, within)
    if not item.keys() <= _MESSAGE_KEYS:
        carriage.leave_unknown(item, _MESSAGE_KEYS, "input")
    content = to_content(said.content, item["content"], f"{within}.content", limits, carriage)
    last = messages[-1] if messages else None
    if said.role == "assistant" and last is not None and "tool_calls" in last:
        last["content"] = content if last["content"] is None else _as_parts(last["content"]) + _as_parts(content)
    else:
        messages.append({"role": said.role, "content": content})


def _add_call(messages: list[dict[str, Any]], item: dict[str, Any], within: str, carriage: Carriage) -> None:
    call = _convert(item, FunctionCall, within)
    carriage.leave_unknown(item, _CALL_KEYS, "input")
    if call.namespace is not None or item.get("async") or item.get("caller") not in _DIRECT:
        carriage.refuse(
            within, f"'{within}' was called from a namespace, a program or in the background, which no chat can tell."
        )
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    function = {"name": call.name, "arguments": call.arguments}
    messages[-1].setdefault("tool_calls", []).append({"id": call.call_id, "type": "function", "function": function})


def _result(item: dict[str, Any], within: str, limits: EdgeLimits, carriage: Carriage) -> dict[str, Any]:
    result = _convert(item, FunctionCallOutput, within)
    carriage.leave_unknown(item, _OUTPUT_KEYS, "input")
    content = to_content(result.output, item["output"], f"{within}.output", limits, carriage)
    if not isinstance(content, str) and any(part["type"] != "text" for part in content):
        carriage.refuse(
            f"{within}.output",
            f"'{within}.output' holds more than text, and in a chat a function gives back text alone. Send images and "
            "files in a message of the user.",
        )
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _as_parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _convert(item: dict[str, Any], wanted: type[_T], within: str) -> _T:
    try:
        return msgspec.convert(item, wanted)
    except msgspec.ValidationError as error:
        raise invalid_value(error, within) from error
