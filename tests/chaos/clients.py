"""A client on a raw socket, which sees every byte and every way in which an answer can end."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httptools

from tests.chaos.history import Call, End, Ending, History, now_s
from tests.chaos.marked_server import Order

READ_BYTES = 64 * 1024
GIVES_UP_S = 40.0
"""Beyond the routes' deadline and all that may be added to it: what lasts longer hangs."""


def body_of(order: Order, alias: str, *, stream: bool) -> dict[str, Any]:
    """Write a request for that order. Real model servers are kept from ending their answer before its length."""
    return {
        "model": alias,
        "messages": [{"role": "user", "content": order.prompt}],
        "max_tokens": order.tokens,
        "temperature": 0,
        "ignore_eos": True,
        "stream": stream,
    }


class RawCall:
    """One request on a connection of its own. Await `run()` once; the rest may be asked meanwhile."""

    def __init__(
        self, order: Order, alias: str, tenant: str, *, stream: bool, port: int, history: History, patience_s: float
    ) -> None:
        self.order = order
        self.call = Call(order.request, "raw", alias, tenant, stream, order.tokens, order.first_ms, now_s())
        self.ending: Ending | None = None
        self.over = asyncio.Event()
        self.pieces = 0
        """Pieces of content that have come."""
        self._port = port
        self._history = history
        self._patience_s = patience_s
        self._answer = _Answer(stream)
        self._writer: asyncio.StreamWriter | None = None
        self._left_s: float | None = None
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Make the request and write down how it ended."""
        self._history.invoke(self.call)
        end, detail = End.LATE, ""
        try:
            async with asyncio.timeout(self._patience_s):
                end, detail = await self._converse()
        except TimeoutError:
            detail = f"not over after {self._patience_s:g} s"
        if self._left_s is not None:
            end = End.LEFT
        answer, ended_s = self._answer, now_s() if self._left_s is None else self._left_s
        self.ending = Ending(
            request=self.order.request,
            end=end,
            ended_s=ended_s,
            status=answer.status,
            code=answer.code,
            request_id=answer.headers.get("x-tiergate-request-id"),
            text="".join(answer.texts),
            answer_ids=tuple(sorted(answer.ids)),
            finish_reason=answer.finish_reason,
            has_done=answer.has_done,
            first_content_s=answer.first_content_s,
            detail=detail or answer.message,
        )
        self._history.end(self.ending)
        self._news.set()
        self.over.set()

    def leave(self) -> None:
        """Break off, as a user does who closes a window. Nothing happens once the request is over."""
        if self._writer is not None and self.ending is None:
            self._left_s = now_s()
            self._writer.transport.abort()

    async def heard(self, pieces: int) -> bool:
        """Return True once so many pieces of content have come, False when the request ended before. For one waiter."""
        while self.pieces < pieces and self.ending is None:
            self._news.clear()
            await self._news.wait()
        return self.ending is None

    async def _converse(self) -> tuple[End, str]:
        try:
            reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            return End.REFUSED, repr(error)
        try:
            body = body_of(self.order, self.call.alias, stream=self.call.stream)
            self._writer.write(_request(body, self.call.tenant))
            detail = await self._read(reader)
        finally:
            self._writer.close()
        return self._answer.end(), detail

    async def _read(self, reader: asyncio.StreamReader) -> str:
        answer = self._answer
        try:
            while not answer.is_complete and (data := await reader.read(READ_BYTES)):
                answer.feed(data)
                if len(answer.texts) > self.pieces:
                    self.pieces = len(answer.texts)
                    self._news.set()
        except (OSError, httptools.HttpParserError) as error:
            return repr(error)
        return ""


def _request(body: Mapping[str, Any], tenant: str) -> bytes:
    raw = json.dumps(body).encode()
    lines = (
        "POST /v1/chat/completions HTTP/1.1",
        "Host: gateway",
        "Content-Type: application/json",
        f"Authorization: Bearer sk-{tenant}",
        "Connection: close",
        f"Content-Length: {len(raw)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


class _Answer:
    """An answer as far as it has come."""

    def __init__(self, stream: bool) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.texts: list[str] = []
        self.ids: set[str] = set()
        self.code: str | None = None
        self.message = ""
        """Of the error."""
        self.finish_reason: str | None = None
        self.has_done = False
        self.is_complete = False
        """The body came to its end, by its own framing."""
        self.first_content_s: float | None = None
        self._stream = stream
        self._rest = b""
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take what came. Raises HttpParserError for what is no HTTP."""
        self._parser.feed_data(data)

    def end(self) -> End:
        """Judge what there is, once nothing more comes."""
        if self.status is None:
            return End.NO_ANSWER
        if self.status >= 400:
            return End.ERROR if self.is_complete else End.SILENT
        if self.code is not None and not self.has_done:
            return End.TOLD
        if not self.is_complete or (self._stream and not self.has_done):
            return End.SILENT
        return End.DONE

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._rest += body
        if self._is_stream():
            *events, self._rest = self._rest.split(b"\n\n")
            for event in events:
                self._read_event(event)

    def on_message_complete(self) -> None:
        self.is_complete = True
        if not self._is_stream():
            self._read_object(json.loads(self._rest))

    def _is_stream(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/event-stream")

    def _read_event(self, event: bytes) -> None:
        for line in event.splitlines():
            if line == b"data: [DONE]":
                self.has_done = True
            elif line.startswith(b"data: "):
                self._read_object(json.loads(line[len(b"data: ") :]))

    def _read_object(self, value: dict[str, Any]) -> None:
        if "error" in value:
            self.code, self.message = str(value["error"]["code"]), str(value["error"]["message"])
        if "id" in value:
            self.ids.add(str(value["id"]))
        for choice in value.get("choices", ()):
            said = choice.get("delta") or choice.get("message") or {}
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            if said.get("content"):
                self.texts.append(said["content"])
                self.first_content_s = self.first_content_s or now_s()
