"""The outline of a Messages request that no chat can ask: what routing must know of it, read as a chat.

No server is ever sent it. It holds what is said, what is shown and which tools there are, and of nothing else a word.
"""

from typing import Any, Final

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.body_keys import check_keys
from gateway.wire.openai_request import check_forbidden

_DECODER = msgspec.json.Decoder(dict[str, Any])
_ROLES: Final = ("user", "assistant", "system")
_UNREAD: Final = "data:"
"""Stands for a picture or a file whose bytes say nothing here."""


def outline(body: bytes) -> bytes | None:
    """Return it; None where the body is no Messages request at all.

    Raises GatewayError for a key given twice, and for a member that names a host or a credential.
    """
    try:
        plain = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    check_keys(body, plain)
    model, turns = plain.get("model"), plain.get("messages")
    if not isinstance(model, str) or not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        return None
    check_forbidden(plain)
    if plain.get("mcp_servers"):
        message = "'mcp_servers' is not accepted: which hosts are called is the gateway's to set. Leave it out."
        raise GatewayError(ErrorCode.FORBIDDEN_FIELD, message, param="mcp_servers")
    system = _parts(plain.get("system"))
    chat: dict[str, Any] = {"model": model, "messages": [{"role": "system", "content": system}] if system else []}
    for turn in turns:
        chat["messages"] += _messages(turn)
    tools, most, heat = plain.get("tools"), plain.get("max_tokens"), plain.get("temperature")
    if isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools):
        chat["tools"] = tools
    if type(most) is int and most > 0:
        chat["max_tokens"] = most
    if type(heat) in (int, float):
        chat["temperature"] = heat
    if plain.get("stream") is True:
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    return msgspec.json.encode(chat)


def _messages(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a turn as messages; what tools answered and nothing else is theirs."""
    content = turn.get("content")
    blocks = content if isinstance(content, list) else []
    kinds = [block.get("type") for block in blocks if isinstance(block, dict)]
    role = turn.get("role")
    message = {"role": role if role in _ROLES else "user", "content": _parts(content)}
    if kinds and all(kind == "tool_result" for kind in kinds):
        message["role"] = "tool"
    if role == "assistant" and "tool_use" in kinds:
        message["tool_calls"] = content
    return [message]


def _parts(content: Any) -> list[dict[str, Any]]:
    """Return what a content says and shows, at any depth."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if isinstance(content, list):
        return [part for block in content for part in _parts(block)]
    if not isinstance(content, dict):
        return []
    source = content.get("source")
    if isinstance(source, dict):
        url = source.get("url")
        shown = url if isinstance(url, str) else _UNREAD
        return [{"type": "image_url", "image_url": {"url": shown}}, *_parts(source.get("content"))]
    return _parts(content.get("text")) + _parts(content.get("content"))
