"""A chat, put as the Messages request that asks the same: how servers that speak only that API are asked.

What that API has no words for is refused where the answer would be another, or left out and named.
"""

from typing import Any, Final

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.messages.from_turns import messages_of

_SAME: Final = ("temperature", "top_p", "top_k", "stream")
_CHOICES: Final = {"auto": "auto", "required": "any", "none": "none"}
_EFFORTS: Final = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh"}
_REFUSED: Final = ("functions", "function_call", "audio", "logprobs", "web_search_options")
"""Members without which the answer would not be what was asked for; false and null ask for nothing."""
_TRANSLATED: Final = frozenset(
    {
        *_SAME,
        "model",
        "messages",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "stop",
        "stream_options",
        "tool_choice",
        "tools",
        "user",
        *_REFUSED,
    }
)
_DECODER = msgspec.json.Decoder(dict[str, Any])


def request_from_chat(body: bytes, max_tokens: int) -> tuple[bytes, tuple[str, ...]]:
    """Return the request, and the members that it leaves out. `body` must be a chat that was found sound.

    `max_tokens` is the longest answer where the chat names none: this API wants it named. Raises GatewayError (400).
    """
    chat = _DECODER.decode(body)
    for name in _REFUSED:
        if chat.get(name):
            raise _cannot(name)
    if (chat.get("n") or 1) > 1:
        raise _cannot("n")
    left_out = sorted(name for name, value in chat.items() if name not in _TRANSLATED and value is not None)
    system, messages = messages_of(chat["messages"], left_out)
    told: dict[str, Any] = {"model": chat["model"], "messages": messages}
    told["max_tokens"] = chat.get("max_completion_tokens") or chat.get("max_tokens") or max_tokens
    told |= {name: chat[name] for name in _SAME if chat.get(name) is not None}
    if system:
        told["system"] = system
    stop = chat.get("stop")
    if stop:
        told["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if chat.get("tools"):
        told["tools"] = [_tool(tool) for tool in chat["tools"]]
    _choose(chat, told)
    if chat.get("user"):
        told["metadata"] = {"user_id": chat["user"]}
    _shape(chat, told)
    return msgspec.json.encode(told), tuple(dict.fromkeys(left_out))


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, dict):
        raise _cannot("tools")
    told = {"name": function.get("name"), "input_schema": function.get("parameters") or {"type": "object"}}
    return told | {name: function[name] for name in ("description", "strict") if function.get(name) is not None}


def _choose(chat: dict[str, Any], told: dict[str, Any]) -> None:
    choice, parallel = chat.get("tool_choice"), chat.get("parallel_tool_calls")
    if isinstance(choice, dict):
        function = choice.get("function")
        if not isinstance(function, dict):
            raise _cannot("tool_choice")
        told["tool_choice"] = {"type": "tool", "name": function.get("name")}
    elif choice is not None:
        told["tool_choice"] = {"type": _CHOICES.get(choice, choice)}
    if parallel is not None and "tools" in told:
        told.setdefault("tool_choice", {"type": "auto"})
        if told["tool_choice"]["type"] != "none":
            told["tool_choice"]["disable_parallel_tool_use"] = not parallel


def _shape(chat: dict[str, Any], told: dict[str, Any]) -> None:
    config: dict[str, Any] = {}
    effort, wanted = chat.get("reasoning_effort"), chat.get("response_format") or {"type": "text"}
    if effort in _EFFORTS:
        config["effort"] = _EFFORTS[effort]
    if wanted.get("type") == "json_schema":
        schema = wanted.get("json_schema")
        config["format"] = {"type": "json_schema", "schema": schema.get("schema") if isinstance(schema, dict) else None}
    elif wanted.get("type") != "text":
        raise _cannot("response_format")
    if config:
        told["output_config"] = config


def _cannot(param: str) -> GatewayError:
    message = (
        f"'{param}' asks for what the servers of this model cannot give, which speak Anthropic's API. Leave it out."
    )
    return GatewayError(ErrorCode.INVALID_VALUE, message, param=param)
