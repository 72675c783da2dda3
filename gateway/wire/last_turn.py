"""A chat taken apart into its question, the last user turn, and everything else that may change the answer."""

from dataclasses import dataclass
from typing import Any, Final

from gateway.domain.request import CanonicalRequest, Operation
from gateway.wire.identity import canonical_members, encode_members

_ONLY_TEXT: Final = {"type", "text"}


@dataclass(slots=True)
class Apart:
    """`context` is the same for two chats exactly if they differ in nothing but their questions."""

    question: str
    context: bytes


def take_apart(request: CanonicalRequest) -> Apart | None:
    """Take a chat apart; None where its last message is not a user's, or is not a single text."""
    if request.operation is not Operation.CHAT:
        return None
    members = canonical_members(request)
    last: dict[str, Any] = members["messages"][-1]
    question = _text_of(last.get("content")) if last.get("role") == "user" else None
    if question is None:
        return None
    last["content"] = None
    return Apart(question, encode_members(request, members))


def _text_of(content: Any) -> str | None:
    match content:
        case str(text):
            return text
        case [{"type": "text", "text": str(text)} as part] if part.keys() == _ONLY_TEXT:
            return text
        case _:
            return None
