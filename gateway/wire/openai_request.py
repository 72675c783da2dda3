"""From the bytes of an OpenAI request to a sound `CanonicalRequest`, or to the error its sender is told."""

from typing import Any, Final

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import ModelAlias
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import API_NEEDS, CanonicalRequest, Native, Need, Operation
from gateway.wire.body_faults import invalid_value, malformed
from gateway.wire.body_keys import check_keys
from gateway.wire.limits import check_bytes, too_deep, too_many
from gateway.wire.openai_types import (
    OPERATION_TYPES,
    Chat,
    Completions,
    Decisions,
    Embeddings,
    Rerank,
    SystemOne,
    Tool,
)
from gateway.wire.prompt import (
    Prompt,
    chat_prompt,
    count_prompts,
    plain_prompt,
    questions_prompt,
    rerank_prompt,
    text_bytes,
)
from gateway.wire.splice import find_splice

FORBIDDEN_FIELDS: Final = frozenset(
    {
        "api_base",
        "api_key",
        "api_type",
        "api_version",
        "aws_access_key_id",
        "aws_bedrock_runtime_endpoint",
        "aws_secret_access_key",
        "aws_session_token",
        "azure_ad_token",
        "azure_endpoint",
        "base_url",
        "bootstrap_host",
        "bootstrap_port",
        "custom_llm_provider",
        "extra_headers",
        "headers",
        "kv_transfer_params",
        "organization",
        "proxies",
        "proxy",
        "vertex_credentials",
        "webhook_url",
    }
)
"""Members that name a host or a credential: where a request goes and as whom is the policy's to say."""
MODEL_BYTES_MAX: Final = 256
"""Longer than any name in use; it bounds what error messages, labels and receipts repeat."""
TOKENS_MAX: Final = 2**31 - 1
"""Model servers keep token counts in signed 32-bit integers."""

_FLEX: Final = "flex"
_NESTED = ("metadata", "extra_body")
_ANY = msgspec.json.Decoder(Any)
_PLAIN = msgspec.json.Decoder(dict[str, Any])
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TOOLS = msgspec.json.Decoder(list[Tool] | None)
_TYPED = {operation: msgspec.json.Decoder(type_) for operation, type_ in OPERATION_TYPES.items()}
_Typed = Chat | Completions | Embeddings | SystemOne | Decisions | Rerank


def canonicalise(
    operation: Operation, body: bytes, limits: EdgeLimits, native: Native | None = None
) -> CanonicalRequest:
    """Check a body and read what the gateway must know of it; members it does not know stay in it untouched.

    `native` is the request that it was translated from, if it was: its bytes and keys were checked then, and what we
    make of them holds no more than they do.
    Raises GatewayError with a 4xx code, and nothing else, whatever the bytes.
    """
    if native is None:
        body = check_bytes(operation, body, limits)
    typed, plain = _decode(operation, body, limits)
    check_forbidden(plain)
    # A translation spells its own keys plainly, and of those that it takes over as they came none stands at the top.
    is_compact = check_keys(body, plain) if native is None else True
    max_output_tokens = _check_sampling(typed, limits)
    prompt, prompts = _read_prompt(typed, limits)
    if prompt.has_remote_images and not limits.remote_images:
        message = "Images by address are not allowed here. Send the image itself as a data: URL."
        raise GatewayError(
            ErrorCode.FORBIDDEN_FIELD, message, param="input" if operation is Operation.DECISIONS else "messages"
        )
    options = typed.stream_options
    # There are no streams of what is not written: servers pass the member over, so the answer comes whole.
    stream = bool(typed.stream) and operation.is_written
    return CanonicalRequest(
        operation=operation,
        alias=ModelAlias(typed.model),
        body=body,
        splice=find_splice(body, has_stream_options="stream_options" in plain, is_compact=is_compact),
        stream=stream,
        include_usage=stream and options is not None and bool(options.include_usage),
        needs=prompt.needs if native is None or native.refusal is None else prompt.needs | _need_of(native),
        user_text=prompt.user_text,
        context_text=prompt.context_text,
        turns=prompt.turns,
        prompt_bytes=prompt.prompt_bytes,
        input_tokens=prompt.input_tokens,
        max_output_tokens=max_output_tokens,
        choices=max(typed.n or 1, typed.best_of or 1) * prompts,
        temperature=typed.temperature,
        has_remote_images=prompt.has_remote_images,
        continues=prompt.continues,
        in_tool_loop=prompt.in_tool_loop,
        is_flex=plain.get("service_tier") == _FLEX,
        native=native,
        window_tokens=prompt.window_tokens,
    )


def _need_of(native: Native) -> Need:
    """Return what a tier must have that is to answer a request which only servers of its own API can."""
    return next(need for need, operation in API_NEEDS if operation is native.operation)


def _decode(operation: Operation, body: bytes, limits: EdgeLimits) -> tuple[_Typed, dict[str, Any]]:
    try:
        typed: _Typed = _TYPED[operation].decode(body)
        # This one also reads what the first skips: text that is no UTF-8, numbers beyond all range.
        return typed, _PLAIN.decode(body)
    except msgspec.ValidationError as error:
        raise invalid_value(error, _unnamed_culprit(error, body)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(error, body) from error
    except RecursionError as error:
        raise too_deep(limits) from error


def _unnamed_culprit(error: msgspec.ValidationError, body: bytes) -> str:
    if "`$[...]" not in str(error):
        return ""
    return next(name for name, value in _MEMBERS.decode(body).items() if not _is_in_range(value))


def _is_in_range(value: msgspec.Raw) -> bool:
    try:
        _ANY.decode(value)
    except msgspec.ValidationError:
        return False
    return True


def check_forbidden(plain: dict[str, Any]) -> None:
    """Refuse members that name a host or a credential. Raises GatewayError `forbidden_field`."""
    found = FORBIDDEN_FIELDS.intersection(plain)
    for name in _NESTED:
        nested = plain.get(name)
        if isinstance(nested, dict):
            found |= {f"{name}.{field}" for field in FORBIDDEN_FIELDS.intersection(nested)}
    if found:
        param = min(found)
        message = f"'{param}' is not accepted: hosts and credentials are the gateway's to set. Leave it out."
        raise GatewayError(ErrorCode.FORBIDDEN_FIELD, message, param=param)


def _check_sampling(typed: _Typed, limits: EdgeLimits) -> int | None:
    """Check what all operations share; return the most tokens that one answer may have, if the client said so."""
    if not typed.model or text_bytes(typed.model) > MODEL_BYTES_MAX:
        message = f"'model' must be a name of 1 to {MODEL_BYTES_MAX} bytes. Name a model of GET /v1/models."
        raise GatewayError(ErrorCode.INVALID_VALUE, message, param="model")
    _check_most("n", typed.n, limits.choices)
    _check_most("best_of", typed.best_of, limits.choices)
    _check_most("max_tokens", typed.max_tokens, TOKENS_MAX)
    if typed.stop is not None:
        _check_stop([typed.stop] if isinstance(typed.stop, str) else typed.stop, limits)
    if isinstance(typed, Chat):
        _check_most("top_logprobs", typed.top_logprobs, limits.top_logprobs)
        _check_most("max_completion_tokens", typed.max_completion_tokens, TOKENS_MAX)
        if typed.max_completion_tokens is not None:
            # Which of the two a server heeds differs, so the larger one is what it may cost.
            return max(typed.max_completion_tokens, typed.max_tokens or 0)
    elif isinstance(typed, Completions):
        _check_most("logprobs", typed.logprobs, limits.top_logprobs)
    return typed.max_tokens


def _check_most(param: str, value: int | None, most: int) -> None:
    if value is not None and value > most:
        raise GatewayError(ErrorCode.LIMIT_EXCEEDED, f"'{param}' may be at most {most}. Ask for less.", param=param)


def _check_stop(stop: list[str], limits: EdgeLimits) -> None:
    if len(stop) > limits.stop:
        raise too_many("stop", limits.stop)
    if any(text_bytes(text) > limits.stop_bytes for text in stop):
        message = f"A stop sequence may have at most {limits.stop_bytes} bytes. Shorten it."
        raise GatewayError(ErrorCode.LIMIT_EXCEEDED, message, param="stop")


def _read_prompt(typed: _Typed, limits: EdgeLimits) -> tuple[Prompt, int]:
    """Read what the model is to work on, and count the prompts."""
    if isinstance(typed, Chat):
        if len(typed.messages) > limits.messages:
            raise too_many("messages", limits.messages)
        if not typed.messages:
            raise GatewayError(ErrorCode.INVALID_VALUE, "'messages' is empty. Send at least one.", param="messages")
        has_tools = _check_tools(typed, limits)
        return chat_prompt(typed, has_tools=has_tools), 1
    if isinstance(typed, Completions):
        prompts = _count_prompts(typed.prompt, "prompt", limits)
        return plain_prompt(typed.prompt, typed.suffix, turns=1), prompts
    if isinstance(typed, Embeddings):
        return plain_prompt(typed.input, turns=0), _count_prompts(typed.input, "input", limits)
    if isinstance(typed, Rerank):
        if len(typed.documents) > limits.messages:
            raise too_many("documents", limits.messages)
        if not typed.documents:
            raise GatewayError(ErrorCode.INVALID_VALUE, "'documents' is empty. Send at least one.", param="documents")
        return rerank_prompt(typed), 1
    if len(typed.questions) > limits.messages:
        raise too_many("questions", limits.messages)
    if not typed.questions:
        raise GatewayError(ErrorCode.INVALID_VALUE, "'questions' is empty. Ask at least one.", param="questions")
    return questions_prompt(typed), 1


def _count_prompts(texts: str | list[str | int | list[int]], param: str, limits: EdgeLimits) -> int:
    prompts = count_prompts(texts)
    if prompts > limits.messages:
        raise too_many(param, limits.messages)
    return prompts


def _check_tools(chat: Chat, limits: EdgeLimits) -> bool:
    """Check the lists of tools; tell whether there are any."""
    has_tools = False
    for param, raw in (("tools", chat.tools), ("functions", chat.functions)):
        if raw:
            has_tools |= _count_tools(param, raw, limits) > 0
    return has_tools


def _count_tools(param: str, raw: msgspec.Raw, limits: EdgeLimits) -> int:
    try:
        count = len(_TOOLS.decode(raw) or ())
    except msgspec.ValidationError as error:
        raise invalid_value(error, param) from error
    if count > limits.tools:
        raise too_many(param, limits.tools)
    return count
