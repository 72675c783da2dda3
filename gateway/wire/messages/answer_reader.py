"""A whole message of the Messages API, read as the chat's answer that says the same."""

from typing import Any

import msgspec

from gateway.wire.messages.said import Message, Tokens, chat_usage, finish, is_known_end
from gateway.wire.openai_response import AnswerMalformed

_DECODER = msgspec.json.Decoder(Message)


def answer_to_chat(body: bytes, created_s: int) -> tuple[bytes, bool]:
    """Write a message as a chat's answer, and tell whether that says all of it. An error stays as it is.

    `created_s` is the time now, in seconds since the epoch. Raises AnswerMalformed.
    """
    try:
        message = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AnswerMalformed("the answer is no message") from error
    if message.type != "message":
        return body, False
    said, is_lossless = _message(message)
    choice = {"index": 0, "message": said, **finish(message.stop_reason, message.stop_sequence)}
    answer = {
        "id": message.id,
        "object": "chat.completion",
        "created": created_s,
        "model": message.model,
        "choices": [choice],
        "usage": chat_usage(message.usage or Tokens()),
    }
    return msgspec.json.encode(answer), is_lossless and is_known_end(message.stop_reason)


def _message(message: Message) -> tuple[dict[str, Any], bool]:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    is_lossless = True
    for block in message.content:
        if block.type == "text":
            texts.append(block.text)
            is_lossless = is_lossless and bytes(block.citations) == b"null"
        elif block.type == "thinking":
            thoughts.append(block.thinking)
            is_lossless = is_lossless and not block.signature
        elif block.type == "tool_use":
            function = {"name": block.name, "arguments": bytes(block.input).decode()}
            calls.append({"id": block.id, "type": "function", "function": function})
        else:
            is_lossless = False
    said: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts or not calls else None}
    if thoughts:
        said["reasoning_content"] = "\n".join(thoughts)
    if calls:
        said["tool_calls"] = calls
    return said, is_lossless
