"""The bytes that the simulated model server sends, made once so that a reply costs one write."""

import json
from collections.abc import Callable
from dataclasses import dataclass

MARKER = "simulated-answer"
"""Begins every plain answer: the driver looks for it, so that an error page never counts as a reply."""

STAMP_DIGITS = 16
"""Digits of a stamp: monotonic microseconds, enough for three centuries of uptime."""

PROMPT_TOKENS = 412
ANSWER_TOKENS = 96

_WORDS = f"{MARKER} the scheduler takes the oldest job whose needs are met and leaves the others where they are. "
_ID = "chatcmpl-simulated-0001"
_CREATED = 1_700_000_000
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class StreamParts:
    """A streamed answer, ready but for the stamps. Each part is one HTTP chunk."""

    opening: bytes
    content: Callable[[int], bytes]
    """Makes a content chunk from a stamp in monotonic microseconds."""
    closing: bytes
    closing_with_usage: bytes


def json_reply(status: str, payload: object) -> bytes:
    """Return a whole HTTP/1.1 response with that JSON as its body. `status` is code and reason."""
    body = json.dumps(payload, separators=(",", ":")).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def plain_reply(model: str, answer_bytes: int) -> bytes:
    """Return the one reply given to every request that does not stream; its text has `answer_bytes` bytes."""
    text = (_WORDS * (answer_bytes // len(_WORDS) + 1))[: max(answer_bytes, len(MARKER))]
    message = {"role": "assistant", "content": text}
    return json_reply(
        "200 OK",
        {
            "id": _ID,
            "object": "chat.completion",
            "created": _CREATED,
            "model": model,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": _usage(ANSWER_TOKENS),
            "system_fingerprint": "fp_simulated",
        },
    )


def fault_reply() -> bytes:
    """Return the 503 of a server that is asked to fail now and then."""
    error = {"message": "simulated overload", "type": "server_error", "code": "overloaded"}
    return json_reply("503 Service Unavailable", {"error": error})


def stream_parts(model: str, chunks: int) -> StreamParts:
    """Return the parts of a streamed answer of that many content chunks."""
    before, after = _chunk_text(model, {"content": "@STAMP"}, None).split("STAMP")
    size = len(before) + STAMP_DIGITS + len(after)
    template = f"{size:x}\r\n{before}%0{STAMP_DIGITS}d{after}\r\n".encode()
    finish = _http_chunk(_chunk_text(model, {}, "stop"))
    usage = _http_chunk(_event({**_frame(model), "choices": [], "usage": _usage(chunks)}))
    done = _http_chunk("data: [DONE]\n\n") + b"0\r\n\r\n"
    return StreamParts(
        opening=_STREAM_HEAD + _http_chunk(_chunk_text(model, {"role": "assistant", "content": ""}, None)),
        content=lambda stamp_us: template % stamp_us,
        closing=finish + done,
        closing_with_usage=finish + usage + done,
    )


def content_event(model: str, stamp_us: int) -> bytes:
    """Return one content chunk as the server-sent event alone, without HTTP around it."""
    return _chunk_text(model, {"content": f"@{stamp_us:0{STAMP_DIGITS}d}"}, None).encode()


def _usage(answer_tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": answer_tokens,
        "total_tokens": PROMPT_TOKENS + answer_tokens,
    }


def _frame(model: str) -> dict[str, object]:
    return {"id": _ID, "object": "chat.completion.chunk", "created": _CREATED, "model": model}


def _chunk_text(model: str, delta: dict[str, str], finish: str | None) -> str:
    return _event({**_frame(model), "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _event(payload: object) -> str:
    return f"data: {json.dumps(payload, separators=(',', ':'))}\n\n"


def _http_chunk(text: str) -> bytes:
    return f"{len(text.encode()):x}\r\n{text}\r\n".encode()
