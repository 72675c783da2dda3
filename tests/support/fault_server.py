"""A scripted OpenAI-like model server on loopback: sound, slow, rude or broken, as each request's script says.

In a test: `async with FaultServer() as server`, then `server.base_url`, `server.plan`, `server.requests`. On its own:
`python -m tests.support.fault_server --port 9100`; behaviours are then chosen by the served model's name, or for the
next request by `POST /control/next {"model": NAME}`; `GET /control/requests` lists what was seen.
"""

import argparse
import asyncio
import socket
import ssl
import struct
from types import TracebackType
from typing import cast

import httptools
import uvloop

from tests.support.behaviours import by_model_name, json_reply
from tests.support.openai_bodies import dump
from tests.support.scripts import End, Hold, Pause, Plan, Reply, Script, SeenRequest, Send, Step

REASONS = {200: b"OK", 400: b"Bad Request", 404: b"Not Found", 429: b"Too Many Requests", 500: b"Server Error"}


class FaultServer:
    """The server: what was asked of it (`requests`) and how it behaves (`plan`)."""

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.plan = Plan(by_model_name)
        self.requests: list[SeenRequest] = []
        self.connections_opened = 0
        self._port = port
        self._tls = tls
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        return self._port

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`, or https."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        """What a policy names as an endpoint's URL."""
        return self.origin + "/v1"

    @property
    def connections_open(self) -> int:
        """How many connections are open now."""
        return len(self._open)

    async def start(self) -> None:
        """Listen; port 0 takes a free one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        """Stop listening, break every connection off, and wait for their tasks."""
        if self._server is not None:
            self._server.close()
        connections = tuple(self._open)
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(connection.lost.wait() for connection in connections))
        tasks = [connection.task for connection in connections if connection.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def stop_listening(self) -> None:
        """Refuse new connections; those that are open stay."""
        if self._server is not None:
            self._server.close()

    def close_idle(self) -> None:
        """Close, in good order, every connection that has no request under way."""
        for connection in tuple(self._open):
            connection.close_if_idle()

    async def __aenter__(self) -> "FaultServer":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def opened(self, connection: "_Connection") -> int:
        """Register a connection and number it."""
        self._open.add(connection)
        self.connections_opened += 1
        return self.connections_opened

    def closed(self, connection: "_Connection") -> None:
        """Forget a connection."""
        self._open.discard(connection)

    def script_for(self, request: SeenRequest) -> Script:
        """Answer control calls and health checks at once; everything else as planned."""
        if request.path == "/control/next":
            model = request.model
            self.plan.queue(lambda asked: by_model_name(_renamed(asked, model)))
            return json_reply(200, dump({"next": model}))
        if request.path == "/control/requests":
            return json_reply(200, dump([_summary(seen) for seen in self.requests]))
        if request.path == "/health":
            return json_reply(200, b'{"status":"ok"}')
        if request.path.endswith("/models") and request.method == "GET":
            return json_reply(200, dump({"object": "list", "data": [{"id": "fault", "object": "model"}]}))
        self.requests.append(request)
        return self.plan.script_for(request)


def _renamed(request: SeenRequest, model: str) -> SeenRequest:
    body = dump(request.json | {"model": model})
    return SeenRequest(
        request.number, request.connection, request.method, request.path, request.headers, body, request.received_at_s
    )


def _summary(seen: SeenRequest) -> dict[str, object]:
    return {
        "number": seen.number,
        "connection": seen.connection,
        "method": seen.method,
        "path": seen.path,
        "model": seen.model,
        "headers": {name.decode("latin-1"): value.decode("latin-1") for name, value in seen.headers},
        "body": seen.body.decode("utf-8", "replace"),
        "received_at_s": seen.received_at_s,
        "gone_at_s": seen.gone_at_s,
        "sent_bytes": seen.sent_bytes,
    }


class _Connection(asyncio.Protocol):
    """One client connection: parses requests and plays a script for each, in a task."""

    def __init__(self, server: FaultServer) -> None:
        self.task: asyncio.Task[None] | None = None
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._number = 0
        self._writable = asyncio.Event()
        self._writable.set()
        self._seen: SeenRequest | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self.lost = asyncio.Event()

    def on_message_begin(self) -> None:
        self._path = b""
        self._headers = []
        self._body = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._number = self._server.opened(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        now_s = self._loop.time()
        self._seen = SeenRequest(
            number=len(self._server.requests),
            connection=self._number,
            method=self._parser.get_method().decode(),
            path=self._path.decode(),
            headers=tuple(self._headers),
            body=b"".join(self._body),
            received_at_s=now_s,
        )
        self.task = self._loop.create_task(self._play(self._seen))

    def eof_received(self) -> None:
        """Close: a client that shuts its side has left."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.closed(self)
        self.lost.set()
        self._writable.set()
        if self._seen is not None:
            self._seen.lost(self._loop.time())
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def abort(self) -> None:
        """Send a TCP reset."""
        raw = self._transport.get_extra_info("socket")
        if raw is not None and not self._transport.is_closing():
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def close_if_idle(self) -> None:
        """Close in good order unless a request is under way."""
        if self.task is None or self.task.done():
            self._transport.close()

    async def _play(self, seen: SeenRequest) -> None:
        script = self._server.script_for(seen)
        assert isinstance(script, Reply), "on sockets, use a port on which nobody listens"
        for step in script.before:
            await self._perform(seen, step, chunked=False)
        self._transport.write(script.raw_head if script.raw_head is not None else _head(script))
        chunked = script.chunked and script.raw_head is None
        for step in script.body:
            await self._perform(seen, step, chunked)
        if chunked:
            self._transport.write(b"0\r\n\r\n")
        seen.finished.set()

    async def _perform(self, seen: SeenRequest, step: Step, chunked: bool) -> None:
        match step:
            case Send(data):
                self._transport.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
                seen.sent_bytes += len(data)
                await self._writable.wait()
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Hold(until):
                await until.wait()
            case End.STALL:
                await asyncio.Event().wait()
            case End.RESET | End.CLOSE:
                seen.finished.set()
                self.abort() if step is End.RESET else self._transport.close()
                await asyncio.Event().wait()


def _head(script: Reply) -> bytes:
    reason = REASONS.get(script.status, b"Status")
    lines = [b"HTTP/1.1 %d %b" % (script.status, reason)]
    lines += [name + b": " + value for name, value in script.headers]
    lines.append(b"transfer-encoding: chunked" if script.chunked else b"content-length: %d" % script.length_bytes)
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def _serve(port: int) -> None:
    async with FaultServer(port) as server:
        print(f"listening on {server.base_url}", flush=True)  # noqa: T201 (whoever started it waits for this line)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Scripted OpenAI-like model server on loopback.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    uvloop.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
