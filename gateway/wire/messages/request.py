"""From the bytes of a Messages request to the chat that asks the same, or to the error its sender is told.

What a chat cannot say is named as not carried where leaving it out changes nothing of what is asked. Otherwise only a
server of this API may be asked, and where there is none the request is refused by the name that it has in the client's
own body. Nothing is left out in silence.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Raw

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.wire.body_faults import invalid_value, malformed
from gateway.wire.body_keys import check_keys
from gateway.wire.limits import check_bytes, too_deep, too_many
from gateway.wire.messages.outline import outline
from gateway.wire.messages.turns import Turns
from gateway.wire.messages.types import AnyTool, Auto, Choice, Format, NoTool, OneTool, Request, Text, Tool, ToolKind

NOT_CARRIED: Final = (
    "context_management",
    "diagnostics",
    "inference_geo",
    "service_tier",
    "speed",
    "thinking",
    "user_profile_id",
)
"""Members that no chat server is told. `thinking` is one: how a model thinks is its server's to set."""
CARRIED_AS_THEY_ARE: Final = (
    "chat_template_kwargs",
    "frequency_penalty",
    "ignore_eos",
    "min_p",
    "presence_penalty",
    "reasoning_effort",
    "repetition_penalty",
    "seed",
)
"""Members that mean the same in a chat."""
_OF_A_TOOL: Final = ("allowed_callers", "defer_loading", "eager_input_streaming", "input_examples")
_MARKS: Final = (("cache_control", b'"cache_control"'), ("citations", b'"citations"'))
"""Members that may stand anywhere in a body, and that no chat server knows."""
_SAME: Final = ("max_tokens", "temperature", "top_p", "top_k")
_CHOICES: Final = {Auto: "auto", AnyTool: "required", NoTool: "none"}
_REQUEST = msgspec.json.Decoder(Request)
_TOOL = msgspec.json.Decoder(Tool)
_KIND = msgspec.json.Decoder(ToolKind)
_PLAIN = msgspec.json.Decoder(dict[str, Any])
_ENCODE = msgspec.json.Encoder().encode
_SORTED = msgspec.json.Encoder(order="sorted").encode


@dataclass(slots=True)
class ChatForm:
    """The chat that asks the same. `apart` holds, in canonical bytes, what it leaves out of what may change an answer.

    `body` is the client's own without its byte order mark. `refusal` says why no chat can ask the same: then only a
    server of the Messages API may answer, `chat` is an outline, and what only that server knows is its to judge.
    """

    body: bytes
    chat: bytes
    not_carried: tuple[str, ...]
    apart: bytes
    refusal: GatewayError | None = None


def to_chat(body: bytes, limits: EdgeLimits, *, counts: bool = False) -> ChatForm:
    """Translate a request, or outline it. Raises GatewayError with a 4xx code, and nothing else, whatever the bytes.

    `counts` says that it is asked for the size of its prompt alone.
    """
    body = check_bytes(Operation.MESSAGES, body, limits)
    try:
        return _translated(body, limits, counts=counts)
    except GatewayError as error:
        chat = outline(body) if error.code is ErrorCode.INVALID_VALUE else None
        if chat is None:
            raise
        # Anew, since this one holds on to the frames that it came through.
        return ChatForm(body, chat, (), body, GatewayError(error.code, error.message, param=error.param))


def _translated(body: bytes, limits: EdgeLimits, *, counts: bool) -> ChatForm:
    request = _decode(body, limits)
    if request.max_tokens is None and not counts:
        raise GatewayError(ErrorCode.INVALID_VALUE, "'max_tokens' is required. Add it.", param="max_tokens")
    if len(request.stop_sequences or ()) > limits.stop:
        raise too_many("stop_sequences", limits.stop)
    apart = {name: value for name in NOT_CARRIED if (value := getattr(request, name)) and bytes(value) != b"null"}
    left_out = [*(name for name, mark in _MARKS if mark in body), *apart]
    chat = _ENCODE(_chat(request, left_out))
    return ChatForm(body, chat, tuple(dict.fromkeys(left_out)), _SORTED(apart) if apart else b"")


def _decode(body: bytes, limits: EdgeLimits) -> Request:
    try:
        request = _REQUEST.decode(body)
        # This one also reads what the first skips: text that is no UTF-8, numbers beyond all range.
        check_keys(body, _PLAIN.decode(body))
        return request
    except msgspec.ValidationError as error:
        raise invalid_value(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(error, body) from error
    except RecursionError as error:
        raise too_deep(limits) from error


def _chat(request: Request, left_out: list[str]) -> dict[str, Any]:
    turns = Turns(left_out)
    chat: dict[str, Any] = {"model": request.model, "messages": turns.messages}
    _system(request.system, turns.messages)
    for at, message in enumerate(request.messages):
        turns.add(message, f"messages.{at}")
    turns.check_last()
    for name in _SAME:
        if (value := getattr(request, name)) is not None:
            chat[name] = value
    for name in CARRIED_AS_THEY_ARE:
        if raw := getattr(request, name):
            chat[name] = raw
    if request.stop_sequences:
        chat["stop"] = request.stop_sequences
    if request.stream:
        # This dialect always tells what an answer used.
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    if request.tools:
        chat["tools"] = [_tool(raw, f"tools.{at}", left_out) for at, raw in enumerate(request.tools)]
    if request.tool_choice is not None:
        _choose(request.tool_choice, chat)
    if request.metadata is not None and request.metadata.user_id is not None:
        chat["user"] = request.metadata.user_id
    _shape(request, chat)
    return chat


def _system(system: str | list[Text] | None, messages: list[dict[str, Any]]) -> None:
    """Put what the client told the model in advance before everything else."""
    if isinstance(system, str):
        messages.append({"role": "system", "content": system})
    elif system:
        messages.append({"role": "system", "content": "\n\n".join([block.text for block in system])})


def _tool(raw: Raw, where: str, left_out: list[str]) -> dict[str, Any]:
    try:
        kind = _KIND.decode(raw).type
        if kind not in (None, "custom"):
            message = (
                f"'{where}' is of the type {kind[:80]!r}, which only Anthropic's own servers know. Describe the tool "
                "by its name and its input_schema."
            )
            raise GatewayError(ErrorCode.INVALID_VALUE, message, param=f"{where}.type")
        tool = _TOOL.decode(raw)
    except msgspec.ValidationError as error:
        raise invalid_value(error, where) from error
    left_out += [f"tools.{name}" for name in _OF_A_TOOL if getattr(tool, name)]
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.input_schema}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _choose(choice: Choice, chat: dict[str, Any]) -> None:
    if isinstance(choice, OneTool):
        chat["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    else:
        chat["tool_choice"] = _CHOICES[type(choice)]
    if choice.disable_parallel_tool_use is not None:
        chat["parallel_tool_calls"] = not choice.disable_parallel_tool_use


def _shape(request: Request, chat: dict[str, Any]) -> None:
    """Say what the answer must look like, and how much work may go into it."""
    config = request.output_config
    wanted: Format | None = request.output_format
    if config is not None:
        wanted = config.format or wanted
        if config.effort is not None:
            # The highest that chat servers know.
            chat["reasoning_effort"] = "xhigh" if config.effort == "max" else config.effort
    if wanted is not None:
        schema = {"name": "answer", "strict": True, "schema": wanted.schema}
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
