"""HTTP/1.1 by hand, for requests that no client library would send."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CLOSES_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. Header names are in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def code(self) -> str:
        """Return the `code` of an OpenAI-shaped error body, insisting on its whole shape."""
        body: dict[str, Any] = json.loads(self.body)
        assert set(body) == {"error"}
        assert {"message", "type", "param", "code"} <= set(body["error"])
        assert self.headers[b"content-type"].startswith(b"application/json")
        code = body["error"]["code"]
        assert isinstance(code, str)
        return code


def post(*lines: bytes, body: bytes = b"", path: bytes = b"/v1/chat/completions") -> bytes:
    """Write a request: the request line and a Host, the lines as they are given, and the body unannounced."""
    return b"\r\n".join([b"POST " + path + b" HTTP/1.1", b"Host: gateway", *lines, b"", body])


async def converse(port: int, *parts: bytes, half_close: bool = False) -> Sequence[Answer]:
    """Send the parts, read until the server closes, and return every answer. Fails when it does not close."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
        if half_close:
            writer.write_eof()
        async with asyncio.timeout(CLOSES_WITHIN_S):
            return answers_in(await reader.read())
    finally:
        writer.close()


async def one_answer(reader: asyncio.StreamReader) -> Answer:
    """Read one answer from a connection that stays open; its body must have a content-length."""
    async with asyncio.timeout(CLOSES_WITHIN_S):
        head = await reader.readuntil(b"\r\n\r\n")
        status, headers = _parse_head(head)
        return Answer(status, headers, await reader.readexactly(int(headers.get(b"content-length", b"0"))))


def answers_in(data: bytes) -> list[Answer]:
    """Split everything a server sent into answers."""
    answers = []
    while data:
        head, separator, data = data.partition(b"\r\n\r\n")
        assert separator, f"an answer broke off in its head: {head!r}"
        status, headers = _parse_head(head)
        if headers.get(b"transfer-encoding") == b"chunked":
            body, data = _unchunked(data)
        else:
            size = int(headers.get(b"content-length", b"0"))
            body, data = data[:size], data[size:]
        answers.append(Answer(status, headers, body))
    return answers


def _parse_head(head: bytes) -> tuple[int, dict[bytes, bytes]]:
    status_line, *lines = head.strip().split(b"\r\n")
    pairs = (line.split(b": ", 1) for line in lines)
    return int(status_line.split()[1]), {name.lower(): value for name, value in pairs}


def _unchunked(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size_line, _, data = data.partition(b"\r\n")
        size = int(size_line, 16)
        body, data = body + data[:size], data[size + 2 :]
        if not size:
            return body, data
