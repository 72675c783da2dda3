"""A simulated model server: OpenAI-shaped replies at a price low enough to load a gateway from one core.

One protocol object a connection, callbacks only: a plain reply is one write of ready bytes, no coroutine, no task.
A stream sends each chunk in a turn of the loop of its own, because uvloop joins the writes of one turn into one
system call, and a server which writes fifty chunks at once measures nothing.
"""

import argparse
import asyncio
import re
import signal
import time
from collections import deque
from dataclasses import dataclass
from typing import cast

import httptools
import uvloop

from load_tests.answers import StreamParts, json_reply
from load_tests.simulation import MAX_CHUNKS, Behaviour, Simulation, Stats

_STREAM = re.compile(rb'"stream"\s*:\s*true')
_INCLUDE_USAGE = re.compile(rb'"include_usage"\s*:\s*true')


@dataclass(slots=True)
class _Streaming:
    parts: StreamParts
    left: int
    delay_s: float
    due_s: float
    include_usage: bool


class ModelConnection(asyncio.Protocol):
    """One client connection; answers its requests in order."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._body: list[bytes] = []
        self._waiting: deque[tuple[bytes, bytes, bytes]] = deque()
        self._busy = False
        self._paused = False
        self._stream: _Streaming | None = None
        self._timer: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        self._transport = cast(asyncio.Transport, transport)
        self._simulation.stats.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was still to be sent."""
        self._simulation.stats.closed += 1
        self._transport = None
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
        if self._stream is not None:
            self._simulation.stats.unfinished += 1

    def data_received(self, data: bytes) -> None:
        """Parse; a request that is not HTTP closes the connection."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                self._transport.close()

    def pause_writing(self) -> None:
        """Hold the stream: the client reads slower than we write."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on with the stream."""
        self._paused = False
        if self._stream is not None and self._timer is None:
            self._send_chunk()

    def on_url(self, url: bytes) -> None:
        """Keep the path."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """Collect the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer, or keep the request while an earlier one is being answered."""
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        url, self._url, self._body = self._url, b"", []
        method = self._parser.get_method()
        if self._busy:
            self._waiting.append((method, url, body))
        else:
            self._answer(method, url, body)

    def _answer(self, method: bytes, url: bytes, body: bytes) -> None:
        if method != b"POST":
            self._write(self._page(url))
        elif not url.partition(b"?")[0].endswith(b"/completions"):
            self._write(json_reply("404 Not Found", {"error": {"message": "no such path", "type": "not_found"}}))
        else:
            self._complete(body)

    def _complete(self, body: bytes) -> None:
        shared, behaviour = self._simulation, self._simulation.behaviour
        shared.stats.requests += 1
        if behaviour.fail_every and shared.stats.requests % behaviour.fail_every == 0:
            shared.stats.faults += 1
            self._write(shared.fault)
        elif behaviour.first_byte_delay_s:
            self._busy = True
            self._timer = self._loop.call_later(behaviour.first_byte_delay_s, self._begin_late, body)
        else:
            self._begin(body)

    def _begin_late(self, body: bytes) -> None:
        self._timer = None
        self._busy = False
        self._begin(body)
        self._answer_waiting()

    def _begin(self, body: bytes) -> None:
        if _STREAM.search(body):
            self._begin_stream(body)
        else:
            self._write(self._simulation.reply)

    def _begin_stream(self, body: bytes) -> None:
        self._busy = True
        chunks, delay_s = self._simulation.stream_of(body)
        parts = self._simulation.parts(chunks)
        self._simulation.stats.streams += 1
        self._stream = _Streaming(parts, chunks, delay_s, self._loop.time(), _INCLUDE_USAGE.search(body) is not None)
        self._write(parts.opening)
        self._timer = self._loop.call_soon(self._send_chunk)

    def _send_chunk(self) -> None:
        self._timer = None
        stream = self._stream
        if stream is None or self._paused:
            return
        if not stream.left:
            self._end_stream(stream)
            return
        stream.left -= 1
        self._simulation.stats.chunks += 1
        self._write(stream.parts.content(self._simulation.now_us()))
        if stream.delay_s:
            stream.due_s += stream.delay_s
            self._timer = self._loop.call_at(stream.due_s, self._send_chunk)
        else:
            self._timer = self._loop.call_soon(self._send_chunk)

    def _end_stream(self, stream: _Streaming) -> None:
        self._stream = None
        self._write(stream.parts.closing_with_usage if stream.include_usage else stream.parts.closing)
        self._busy = False
        self._answer_waiting()

    def _answer_waiting(self) -> None:
        while self._waiting and not self._busy:
            self._answer(*self._waiting.popleft())

    def _page(self, url: bytes) -> bytes:
        stats, model = self._simulation.stats, self._simulation.behaviour.model
        if url == b"/stats":
            return json_reply("200 OK", {name: getattr(stats, name) for name in Stats.__slots__})
        if url == b"/v1/models":
            entry = {"id": model, "object": "model", "created": 0, "owned_by": "load_tests", "max_model_len": 131_072}
            return json_reply("200 OK", {"object": "list", "data": [entry]})
        # Routers ask several paths for what a worker serves before they send it anything.
        known = {"status": "ok", "model_path": model, "served_model_name": model, "model_id": model}
        return json_reply("200 OK", {**known, "is_generation": True, "tp_size": 1, "dp_size": 1})

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def monotonic_us() -> int:
    """Monotonic microseconds, the same clock in every process of the machine."""
    return time.monotonic_ns() // 1000


async def start(behaviour: Behaviour, port: int = 0) -> tuple[asyncio.Server, Simulation]:
    """Listen on loopback; port 0 picks a free one."""
    simulation = Simulation(behaviour, monotonic_us)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ModelConnection(simulation), "127.0.0.1", port, backlog=1024)
    return server, simulation


async def _serve(behaviour: Behaviour, port: int) -> None:
    server, _ = await start(behaviour, port)
    stopped = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopped.set)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await stopped.wait()
    server.close()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--port", type=int, default=9101, help="0 picks a free one (default %(default)s)")
    parser.add_argument("--model", default="simulated", help="name it says it serves")
    parser.add_argument("--first-byte-ms", type=float, default=0.0, help="wait before the first byte")
    parser.add_argument("--chunks", type=int, default=50, help="content chunks of a stream (default %(default)s)")
    parser.add_argument("--chunk-ms", type=float, default=0.0, help="wait between chunks; 0 is as fast as they go")
    parser.add_argument("--answer-bytes", type=int, default=450, help="text of a plain answer (default %(default)s)")
    parser.add_argument("--fail-every", type=int, default=0, metavar="N", help="answer every Nth request with 503")
    parser.add_argument("--obey-body", action="store_true", help="max_tokens and seed (µs) of a body set its stream")


def run(options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    behaviour = Behaviour(
        model=options.model,
        first_byte_delay_s=options.first_byte_ms / 1e3,
        chunks=min(options.chunks, MAX_CHUNKS),
        chunk_delay_s=options.chunk_ms / 1e3,
        answer_bytes=options.answer_bytes,
        fail_every=options.fail_every,
        obey_body=options.obey_body,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(behaviour, options.port))
    return 0
