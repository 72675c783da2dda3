"""A chat's request to the Responses request that asks the same: for servers that speak nothing else."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError

_SAME: Final = (
    "metadata",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
)
"""Members that mean the same in both."""
_OTHERWISE: Final = frozenset(
    {
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "logprobs",
        "reasoning_effort",
        "response_format",
        "stream_options",
        "tool_choice",
        "tools",
        "verbosity",
    }
)
"""Members that have another name or form. Streams of responses always tell their usage."""
_IDLE: Final[dict[str, Any]] = {
    "audio": None,
    "best_of": 1,
    "function_call": None,
    "functions": [],
    "modalities": ["text"],
    "n": 1,
    "stop": [],
    "web_search_options": None,
}
"""Members that a Responses request lacks and the answer needs, and with which value each asks for nothing."""
_OF_A_MESSAGE: Final = frozenset({"role", "content", "tool_calls", "tool_call_id", "refusal"})
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_ENCODE = msgspec.json.Encoder().encode


def request_from_chat(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the request, and the members that it leaves out. `body` must be a chat that was found sound.

    Raises GatewayError `invalid_value` for what it cannot say and without which the answer would be another.
    """
    chat = _OBJECT.decode(body)
    left_out = []
    for name, value in chat.items():
        if value is None or name in _SAME or name in _OTHERWISE:
            continue
        if name not in _IDLE:
            left_out.append(name)
        elif value != _IDLE[name]:
            raise _cannot(name)
    # What a server of chats does not keep unless asked, one of responses keeps unless asked not to.
    request: dict[str, Any] = {"store": False}
    request |= {name: chat[name] for name in _SAME if chat.get(name) is not None}
    request["input"] = [
        item for at, message in enumerate(chat["messages"]) for item in _items(message, f"messages.{at}", left_out)
    ]
    for name in ("max_completion_tokens", "max_tokens"):
        if chat.get(name) is not None:
            request.setdefault("max_output_tokens", chat[name])
    if chat.get("logprobs"):
        request["include"] = ["message.output_text.logprobs"]
    if chat.get("reasoning_effort") is not None:
        request["reasoning"] = {"effort": chat["reasoning_effort"]}
    text = _text(chat)
    if text:
        request["text"] = text
    if chat.get("tools"):
        request["tools"] = [_tool(tool, f"tools.{at}") for at, tool in enumerate(chat["tools"])]
    if chat.get("tool_choice") is not None:
        request["tool_choice"] = _choice(chat["tool_choice"])
    return _ENCODE(request), tuple(dict.fromkeys(left_out))


def _items(message: dict[str, Any], within: str, left_out: list[str]) -> Iterator[dict[str, Any]]:
    left_out += [f"messages.{name}" for name in message if name not in _OF_A_MESSAGE]
    role, content = message["role"], message.get("content")
    if role == "tool":
        output = content if isinstance(content, str) else _parts(content, "input_text", within)
        yield {"type": "function_call_output", "call_id": message.get("tool_call_id"), "output": output}
        return
    if role not in ("user", "assistant", "system", "developer"):
        raise _cannot(f"{within}.role")
    kind = "output_text" if role == "assistant" else "input_text"
    said = content if isinstance(content, str) else _parts(content, kind, within)
    if message.get("refusal"):
        texts = [{"type": kind, "text": said}] if isinstance(said, str) and said else list(said)
        said = [*texts, {"type": "refusal", "refusal": message["refusal"]}]
    if said or role != "assistant":
        yield {"role": role, "content": said}
    for call in message.get("tool_calls") or ():
        match call:
            case {"id": str(identity), "function": {"name": str(name), "arguments": str(arguments)}}:
                yield {"type": "function_call", "call_id": identity, "name": name, "arguments": arguments}
            case _:
                raise _cannot(f"{within}.tool_calls")


def _parts(content: Any, kind: str, within: str) -> list[dict[str, Any]]:
    return [_part(part, kind, within) for part in content or ()]


def _part(part: Any, kind: str, within: str) -> dict[str, Any]:
    match part:
        case {"type": "text", "text": str(text)}:
            return {"type": kind, "text": text}
        case {"type": "refusal", "refusal": str(refusal)}:
            return {"type": "refusal", "refusal": refusal}
        case {"type": "image_url", "image_url": {"url": str(url), **more}}:
            return {"type": "input_image", "image_url": url, "detail": more.get("detail") or "auto"}
        case {"type": "file", "file": dict(file)}:
            return {"type": "input_file", **file}
        case {"type": "input_audio", "input_audio": dict(sound)}:
            return {"type": "input_audio", "input_audio": sound}
        case _:
            raise _cannot(f"{within}.content")


def _text(chat: dict[str, Any]) -> dict[str, Any]:
    text: dict[str, Any] = {}
    if chat.get("verbosity") is not None:
        text["verbosity"] = chat["verbosity"]
    match chat.get("response_format"):
        case None:
            pass
        case {"type": "json_schema", "json_schema": dict(schema)}:
            text["format"] = {"type": "json_schema", **schema}
        case {"type": "text" | "json_object" as kind}:
            text["format"] = {"type": kind}
        case _:
            raise _cannot("response_format")
    return text


def _tool(given: Any, within: str) -> dict[str, Any]:
    match given:
        case {"type": "function", "function": {"name": str()}}:
            # Both members are required there; a chat that names no strictness asks for none.
            return {"type": "function", "parameters": None, "strict": False, **given["function"]}
        case _:
            raise _cannot(within)


def _choice(choice: Any) -> Any:
    match choice:
        case "none" | "auto" | "required":
            return choice
        case {"type": "function", "function": {"name": str(name)}}:
            return {"type": "function", "name": name}
        case _:
            raise _cannot("tool_choice")


def _cannot(param: str) -> GatewayError:
    message = f"A server of the Responses API cannot be told '{param}'. Leave it out, or name another model."
    return GatewayError(ErrorCode.INVALID_VALUE, message, param=param)
