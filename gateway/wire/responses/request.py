"""A Responses request to the chat that asks the same.

Members that are neither translated nor refused here go along as they came: OpenAI gives what it adds to both APIs the
same name (`user`, `prompt_cache_key`, `service_tier`), and model servers do so with their own sampling parameters.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.wire.body_faults import invalid_value, malformed
from gateway.wire.body_keys import check_keys
from gateway.wire.limits import check_bytes, too_deep, too_many
from gateway.wire.openai_request import check_forbidden
from gateway.wire.responses.carriage import Carriage
from gateway.wire.responses.format import to_format
from gateway.wire.responses.items import to_messages
from gateway.wire.responses.tools import to_tools
from gateway.wire.responses.types import Reasoning, ResponsesRequest
from gateway.wire.usage import TOKENS_MAX

_INPUT: Final = "input"
_TRANSLATED: Final = frozenset(ResponsesRequest.__struct_fields__)
_KEPT_BY_SERVERS: Final = {
    "context_management": "Conversations are not shortened here. Send what the model is to read.",
    "conversation": "Conversations are not kept here. Send what was said before in 'input'.",
    "moderation": "Requests and answers are not moderated here. Leave it out.",
    "previous_response_id": "Responses are not kept here. Send what was said before in 'input', the answers included.",
    "prompt": "Prompts are not kept here. Send their text in 'instructions' or 'input'.",
    "access_programs": "A model behind chat completions has no access programs. Leave it out.",
}
"""Members that ask for what only servers of the Responses API do, and what their sender may do instead."""
_OF_CHAT: Final = frozenset(
    {
        "best_of",
        "function_call",
        "functions",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "n",
        "reasoning_effort",
        "response_format",
    }
)
"""Members of a chat that a Responses request has otherwise or not at all."""
_HARMLESS: Final = frozenset({"image"})
_LOGPROBS: Final = "message.output_text.logprobs"
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_ENCODE = msgspec.json.Encoder().encode


@dataclass(slots=True)
class ChatForm:
    """The chat that asks the same. `apart` holds, in canonical bytes, what it leaves out of what may change an answer.

    `body` is the client's own without its byte order mark. `refusal` says why only a server of the Responses API itself
    may answer; None where any may. Written once, then only read.
    """

    body: bytes
    chat: bytes
    not_carried: tuple[str, ...]
    apart: bytes
    refusal: GatewayError | None


def to_chat(body: bytes, limits: EdgeLimits) -> ChatForm:
    """Translate a request. Raises GatewayError with a 4xx code, and nothing else, whatever the bytes."""
    body = check_bytes(Operation.RESPONSES, body, limits)
    plain = _decode(body, limits)
    try:
        asked = msgspec.convert(plain, ResponsesRequest)
    except msgspec.ValidationError as error:
        raise invalid_value(error) from error
    check_forbidden(plain)
    carriage = Carriage()
    chat: dict[str, Any] = {"model": asked.model, "messages": _messages(asked, limits, carriage)}
    if asked.stream:
        chat["stream"] = True
        # The last event of a stream always tells the usage.
        chat["stream_options"] = {"include_usage": True}
    tools = asked.tools or []
    if len(tools) > limits.tools:
        raise too_many("tools", limits.tools)
    if tools or asked.tool_choice is not None:
        chat |= to_tools(tools, asked.tool_choice, carriage)
        if asked.parallel_tool_calls is not None and "tools" in chat:
            chat["parallel_tool_calls"] = asked.parallel_tool_calls
    if asked.text is not None:
        chat |= to_format(asked.text, carriage)
    if asked.reasoning is not None:
        chat |= _thinking(asked.reasoning, carriage)
    _add_sampling(chat, asked, limits, carriage)
    _add_others(chat, plain, carriage)
    _leave_wishes(asked, carriage)
    # Who asks what a chat cannot say asks something else with every other body.
    apart = carriage.left if carriage.refusal is None else body
    return ChatForm(body, _ENCODE(chat), carriage.names, apart, carriage.refusal)


def _decode(body: bytes, limits: EdgeLimits) -> dict[str, Any]:
    try:
        plain = _OBJECT.decode(body)
    except msgspec.ValidationError as error:
        raise invalid_value(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(error, body) from error
    except RecursionError as error:
        raise too_deep(limits) from error
    check_keys(body, plain)
    return plain


def _messages(asked: ResponsesRequest, limits: EdgeLimits, carriage: Carriage) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if asked.instructions is not None:
        messages.append({"role": "system", "content": asked.instructions})
    if isinstance(asked.input, str):
        return [*messages, {"role": "user", "content": asked.input}]
    if len(asked.input) + len(messages) > limits.messages:
        raise too_many(_INPUT, limits.messages)
    said = to_messages(asked.input, limits, carriage)
    if not said and carriage.refusal is None:
        raise GatewayError(ErrorCode.INVALID_VALUE, "'input' says nothing. Send at least one message.", param=_INPUT)
    return messages + said


def _thinking(reasoning: Reasoning, carriage: Carriage) -> dict[str, Any]:
    for name in ("summary", "generate_summary", "context"):
        if (wish := getattr(reasoning, name)) is not None:
            carriage.leave(f"reasoning.{name}", wish)
    if reasoning.mode not in (None, "standard"):
        carriage.refuse("reasoning.mode", "A chat has no modes of reasoning. Ask for more by 'reasoning.effort'.")
    return {} if reasoning.effort is None else {"reasoning_effort": reasoning.effort}


def _add_sampling(chat: dict[str, Any], asked: ResponsesRequest, limits: EdgeLimits, carriage: Carriage) -> None:
    most = asked.max_output_tokens
    if most is not None:
        _check_most("max_output_tokens", most, TOKENS_MAX)
        chat["max_completion_tokens"] = most
    for name in ("temperature", "top_p"):
        if (value := getattr(asked, name)) is not None:
            chat[name] = value
    for wish in asked.include or ():
        if wish == _LOGPROBS:
            chat["logprobs"] = True
        else:
            carriage.leave(f"include.{wish[:64]}", None)
    if asked.top_logprobs:
        _check_most("top_logprobs", asked.top_logprobs, limits.top_logprobs)
        if "logprobs" in chat:
            chat["top_logprobs"] = asked.top_logprobs
        else:
            carriage.leave("top_logprobs", asked.top_logprobs)


def _check_most(param: str, value: int, most: int) -> None:
    if value > most:
        raise GatewayError(ErrorCode.LIMIT_EXCEEDED, f"'{param}' may be at most {most}. Ask for less.", param=param)


def _add_others(chat: dict[str, Any], plain: dict[str, Any], carriage: Carriage) -> None:
    for name, value in plain.items():
        if name in _TRANSLATED or value is None:
            continue
        if name in _OF_CHAT:
            message = f"'{name}' belongs to chat completions, not to a Responses request. Leave it out."
            raise GatewayError(ErrorCode.INVALID_VALUE, message, param=name)
        if name == "background" and value is not False:
            message = "Answers are given at once, and none is kept to be fetched later. Leave 'background' out."
            raise GatewayError(ErrorCode.INVALID_VALUE, message, param=name)
        if name in _HARMLESS:
            carriage.leave(name, value)
        elif name in _KEPT_BY_SERVERS:
            carriage.refuse(name, _KEPT_BY_SERVERS[name])
        elif name != "background":
            chat[name] = value


def _leave_wishes(asked: ResponsesRequest, carriage: Carriage) -> None:
    """Name what was wished for and has no effect. What is said by default asks for nothing."""
    if asked.store:
        carriage.leave("store", True)
    if asked.truncation not in (None, "disabled"):
        # A prompt that is too long is refused instead.
        carriage.leave("truncation", asked.truncation)
    if asked.max_tool_calls is not None:
        # It counts calls of OpenAI's own tools, of which there are none.
        carriage.leave("max_tool_calls", asked.max_tool_calls)
    if asked.stream_options is not None and asked.stream_options.include_obfuscation:
        carriage.leave("stream_options.include_obfuscation", True)
