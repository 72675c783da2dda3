"""Messages of a chat, put as turns of a Messages request: what tools answered is the user's there."""

from typing import Any, Final

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError

_Blocks = list[dict[str, Any]]
_TOLD: Final = frozenset({"role", "content", "refusal", "tool_calls", "tool_call_id"})
_OBJECT = msgspec.json.Decoder(dict[str, Any])


def messages_of(messages: list[dict[str, Any]], left_out: list[str]) -> tuple[_Blocks, list[dict[str, Any]]]:
    """Return what stands before the turns, and the turns. Raises GatewayError (400) for what cannot be said.

    Members of messages that are left out are added to `left_out`.
    """
    system: _Blocks = []
    turns: list[dict[str, Any]] = []
    for at, message in enumerate(messages):
        role = message["role"]
        left_out += [f"messages.{name}" for name, value in message.items() if name not in _TOLD and value is not None]
        if role in ("system", "developer"):
            blocks = _shown(message.get("content"), at)
            if turns:
                turns.append({"role": "system", "content": blocks})
            else:
                system += blocks
        elif role == "assistant":
            turns.append({"role": role, "content": _answered(message, at)})
        elif role == "tool":
            _say(turns, [_result(message, at)])
        elif role == "user":
            _say(turns, _shown(message.get("content"), at))
        else:
            raise _cannot(at, f"is of the role {str(role)[:40]!r}")
    return system, turns


def _say(turns: list[dict[str, Any]], blocks: _Blocks) -> None:
    """Add to what the user said last, if nobody has answered since: results come first in the turn they are in."""
    if turns and turns[-1]["role"] == "user":
        turns[-1]["content"] += blocks
    else:
        turns.append({"role": "user", "content": blocks})


def _result(message: dict[str, Any], at: int) -> dict[str, Any]:
    content = message.get("content")
    told = content if isinstance(content, str) else _shown(content, at)
    return {"type": "tool_result", "tool_use_id": message.get("tool_call_id"), "content": told}


def _answered(message: dict[str, Any], at: int) -> _Blocks:
    blocks: _Blocks = [block for block in _shown(message.get("content"), at) if block.get("text") != ""]
    if message.get("refusal"):
        blocks.append({"type": "text", "text": message["refusal"]})
    for call in message.get("tool_calls") or ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise _cannot(at, "calls something else than a function")
        blocks.append(
            {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": _input(function, at)}
        )
    return blocks


def _input(function: dict[str, Any], at: int) -> dict[str, Any]:
    try:
        value: dict[str, Any] = _OBJECT.decode(function.get("arguments") or "{}")
    except (msgspec.DecodeError, TypeError) as error:
        raise _cannot(at, "calls a tool with arguments that are no JSON object") from error
    return value


def _shown(content: Any, at: int) -> _Blocks:
    """Return the blocks that show the same."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_block(part, at) for part in content]


def _block(part: dict[str, Any], at: int) -> dict[str, Any]:
    if isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str):
        raise _cannot(at, f"has a part of the type {str(part.get('type'))[:40]!r}")
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    media_type, _, data = url.removeprefix("data:").partition(";base64,")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def _cannot(at: int, what: str) -> GatewayError:
    message = f"'messages.{at}' {what}, which the servers of this model, that speak Anthropic's API, cannot be told."
    return GatewayError(ErrorCode.INVALID_VALUE, message, param=f"messages.{at}")
