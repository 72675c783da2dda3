"""Turns of a Messages request, put as messages of a chat: results of tools are messages of their own there."""

from typing import Any, Final

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.wire.messages.types import (
    Base64,
    Block,
    Document,
    Image,
    Message,
    PlainText,
    RedactedThinking,
    SearchResult,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)

_ROLES: Final = ("user", "assistant", "system")
_Parts = list[dict[str, Any]]


class Turns:
    """Collects messages. What of a turn no chat server is told is added to `left_out`."""

    def __init__(self, left_out: list[str]) -> None:
        self.messages: list[dict[str, Any]] = []
        self._left_out = left_out

    def add(self, message: Message, where: str) -> None:
        """Add a turn. `where` is its place in the body. Raises GatewayError for what no chat can say."""
        role, content = message.role, message.content
        if role not in _ROLES:
            error = f"'{where}.role' is {role[:40]!r}. It can be user, assistant or system."
            raise GatewayError(ErrorCode.INVALID_VALUE, error, param=f"{where}.role")
        if isinstance(content, str):
            self.messages.append({"role": role, "content": content})
        elif role == "assistant":
            self._add_answer(content, where)
        else:
            self._add_said(role, content, where)

    def check_last(self) -> None:
        """Refuse a beginning of the answer: of a chat, servers differ in whether they go on with it."""
        if self.messages and self.messages[-1]["role"] == "assistant":
            error = "The last message is the assistant's. Models here cannot go on with it: end with a user's message."
            raise GatewayError(ErrorCode.INVALID_VALUE, error, param="messages")

    def _add_said(self, role: str, blocks: list[Block], where: str) -> None:
        parts: _Parts = []
        for at, block in enumerate(blocks):
            if isinstance(block, ToolResult) and role == "user":
                parts += self._add_result(block)
            elif isinstance(block, Text | Image | Document | SearchResult):
                parts += _shown(block)
            else:
                raise _misplaced(role, f"{where}.content.{at}")
        if parts or not blocks:
            self.messages.append({"role": role, "content": _content(parts)})

    def _add_result(self, result: ToolResult) -> _Parts:
        """Add what a tool answered; return the pictures in it, which only a user's message may hold."""
        if result.is_error:
            self._left_out.append("messages.content.is_error")
        answered = result.content or ""
        parts = [] if isinstance(answered, str) else [part for block in answered for part in _shown(block)]
        content = answered if isinstance(answered, str) else _content([one for one in parts if one["type"] == "text"])
        self.messages.append({"role": "tool", "tool_call_id": result.tool_use_id, "content": content})
        return [part for part in parts if part["type"] != "text"]

    def _add_answer(self, blocks: list[Block], where: str) -> None:
        parts: _Parts = []
        calls: list[dict[str, Any]] = []
        thoughts: list[str] = []
        for at, block in enumerate(blocks):
            if isinstance(block, Text):
                parts.append(_text(block.text))
            elif isinstance(block, ToolUse):
                calls.append(_call(block, f"{where}.content.{at}"))
            elif isinstance(block, Thinking) and not block.signature:
                thoughts.append(block.thinking)
            elif isinstance(block, Thinking | RedactedThinking):
                # Another model's: to this one it would be no thought of its own.
                self._left_out.append("messages.content.thinking")
            else:
                raise _misplaced("assistant", f"{where}.content.{at}")
        message: dict[str, Any] = {"role": "assistant", "content": _content(parts) if parts or not calls else None}
        if thoughts:
            message["reasoning_content"] = "\n".join(thoughts)
        if calls:
            message["tool_calls"] = calls
        self.messages.append(message)


def _call(block: ToolUse, where: str) -> dict[str, Any]:
    arguments = bytes(block.input)
    if not arguments.startswith(b"{"):
        error = f"'{where}.input' must be an object. Correct it."
        raise GatewayError(ErrorCode.INVALID_VALUE, error, param=f"{where}.input")
    return {"id": block.id, "type": "function", "function": {"name": block.name, "arguments": arguments.decode()}}


def _shown(block: Text | Image | Document | SearchResult) -> _Parts:
    """Return the parts of a chat message that show the same."""
    if isinstance(block, Text):
        return [_text(block.text)]
    if isinstance(block, Image):
        source = block.source
        url = f"data:{source.media_type};base64,{source.data}" if isinstance(source, Base64) else source.url
        return [{"type": "image_url", "image_url": {"url": url}}]
    if isinstance(block, SearchResult):
        return [_text("\n".join([block.title, block.source, *(text.text for text in block.content)]))]
    head = [_text(text) for text in (block.title, block.context) if text]
    if isinstance(block.source, PlainText):
        return [*head, _text(block.source.data)]
    content = block.source.content
    if isinstance(content, str):
        return [*head, _text(content)]
    return [*head, *(part for one in content for part in _shown(one))]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _content(parts: _Parts) -> str | _Parts:
    """Write content as plainly as it can be: not every server reads a list where one text says it all."""
    if not parts:
        return ""
    text: str | None = parts[0].get("text")
    return text if len(parts) == 1 and text is not None else parts


def _misplaced(role: str, where: str) -> GatewayError:
    error = f"'{where}' is of a type that a message of the role {role} cannot hold. Leave it out."
    return GatewayError(ErrorCode.INVALID_VALUE, error, param=f"{where}.type")
