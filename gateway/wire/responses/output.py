"""What a response is made of, written: its items, their parts, and the response around them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.domain.usage import TokenUsage
from gateway.wire.usage import ReportedUsage, usage_from

COMPLETED: Final = b"completed"
INCOMPLETE: Final = b"incomplete"
IN_PROGRESS: Final = b"in_progress"
FAILED: Final = b"failed"
_INCOMPLETE_FOR: Final = {"length": b"max_output_tokens", "content_filter": b"content_filter"}
"""A chat's finish reasons that leave an answer unfinished, and their names in a response."""
_CHAT: Final = "chatcmpl-"
_TOKENS: Final = ("token", "bytes", "logprob", "top_logprobs")

encode = msgspec.json.Encoder().encode


class Names:
    """The identifiers of a response and its items, all made of the chat's: the same answer always has the same ones."""

    __slots__ = ("_base",)

    def __init__(self, chat_id: str | None) -> None:
        self._base = (chat_id or "").removeprefix(_CHAT) or "0"

    @property
    def response(self) -> bytes:
        """Return the response's own, as JSON."""
        return encode(f"resp_{self._base}")

    def item(self, kind: str, index: int) -> bytes:
        """Return that of the item at this place of the output, as JSON."""
        return encode(f"{kind}_{self._base}_{index}")


def text_part(text: str, odds: Sequence[Any] = ()) -> bytes:
    """Write a text with how likely its tokens were, where that is known."""
    return b'{"type":"output_text","text":%b,"annotations":[],"logprobs":%b}' % (encode(text), encode(odds))


def refusal_part(text: str) -> bytes:
    """Write what was said instead of an answer."""
    return b'{"type":"refusal","refusal":%b}' % encode(text)


def summary_part(text: str) -> bytes:
    """Write what the model thought. OpenAI gives summaries of it alone, so that is where clients look for thoughts."""
    return b'{"type":"summary_text","text":%b}' % encode(text)


def message_item(name: bytes, status: bytes, parts: Sequence[bytes]) -> bytes:
    """Write what the model said."""
    return b'{"type":"message","id":%b,"status":"%b","role":"assistant","content":[%b]}' % (
        name,
        status,
        b",".join(parts),
    )


def reasoning_item(name: bytes, parts: Sequence[bytes]) -> bytes:
    """Write that the model thought."""
    return b'{"type":"reasoning","id":%b,"summary":[%b]}' % (name, b",".join(parts))


def call_item(name: bytes, status: bytes, call_id: str, function: str, arguments: str) -> bytes:
    """Write that the model called a function."""
    return b'{"type":"function_call","id":%b,"status":"%b","call_id":%b,"name":%b,"arguments":%b}' % (
        name,
        status,
        encode(call_id),
        encode(function),
        encode(arguments),
    )


def token_odds(tokens: Sequence[Any] | None) -> list[Mapping[str, Any]]:
    """Return how likely each token was, as a response has it; `tokens` is what a chat has under `logprobs.content`."""
    found = [token for token in tokens or () if isinstance(token, dict)]
    return [{**_odds(token), "top_logprobs": list(map(_odds, token.get("top_logprobs") or ()))} for token in found]


def _odds(token: Any) -> dict[str, Any]:
    return {"token": token.get("token"), "bytes": token.get("bytes") or [], "logprob": token.get("logprob")}


def ended(finish_reason: str | None) -> tuple[bytes, bytes | None]:
    """Return a response's status for a chat's finish reason, and why it is incomplete if it is."""
    why = _INCOMPLETE_FOR.get(finish_reason or "")
    return (COMPLETED, None) if why is None else (INCOMPLETE, why)


def reported(usage: ReportedUsage | None) -> TokenUsage | None:
    """Return the usage that a chat reports; None where there is none, or an absurd one."""
    return None if usage is None else usage_from(usage)


def response(
    names: Names,
    *,
    created: float | None,
    model: str | None,
    status: bytes,
    output: Sequence[bytes],
    echo: bytes,
    why_incomplete: bytes | None = None,
    error: bytes = b"null",
    usage: TokenUsage | None = None,
) -> bytes:
    """Write a response. `echo` holds the members that repeat the request (`echo.py`)."""
    why = b"null" if why_incomplete is None else b'{"reason":"%b"}' % why_incomplete
    return (
        b'{"id":%b,"object":"response","created_at":%b,"status":"%b","error":%b,"incomplete_details":%b,"model":%b,'
        b'"output":[%b],"usage":%b,%b}'
        % (
            names.response,
            encode(created or 0),
            status,
            error,
            why,
            encode(model or ""),
            b",".join(output),
            encode(_usage_object(usage)),
            echo,
        )
    )


def _usage_object(usage: TokenUsage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
