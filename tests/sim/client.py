"""The simulated clients, at the inbound seam: each sends its request and behaves as the case says.

A client may take its time with the body and with each part of the answer, stop reading for a while, and leave: after a
time, or once it has so many parts. The connection it comes over has the edge's own limit on clients that do not read.
"""

import asyncio
from asyncio import Event
from collections.abc import Callable
from typing import Final

import msgspec

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.ports import ClientGone, Headers
from tests.sim.case import Ask
from tests.sim.history import History
from tests.sim.policies import KEYS

SLOW_CLIENT_S: Final = 60.0
"""How long the edge waits for a client that takes nothing."""
_BEFORE: Final = "earlier " * 150
"""Longer than what any turn adds: a conversation whose prompt shrinks is taken for another."""


class SimClient:
    """One client: what it sends, what it received, and when."""

    def __init__(self, ask: Ask, history: History, *, keyed: bool) -> None:
        self.ask = ask
        self.inbound = SimInbound(self, _headers(ask, keyed=keyed), _body(ask))
        self.responder = SimResponder(self)
        self.came_s = asyncio.get_running_loop().time()
        self.left_s: float | None = None
        self.over_s: float | None = None
        """When the gateway was done with it."""
        self.was_cut = False
        self.blocked_s: list[tuple[float, float]] = []
        """From when to when it kept the gateway waiting."""
        self._history = history
        self._leaving: asyncio.TimerHandle | None = None
        if ask.leaves_after_s >= 0:
            self._leaving = asyncio.get_running_loop().call_later(ask.leaves_after_s, self.leave)

    def leave(self) -> None:
        """Close the connection; once."""
        if self.left_s is None and self.over_s is None:
            self.left_s = asyncio.get_running_loop().time()
            self.note("leaves")
            self.inbound.wake()
            self.responder.note_gone()

    def over(self) -> None:
        """Take note that the gateway is done."""
        self.over_s = asyncio.get_running_loop().time()
        if self._leaving is not None:
            self._leaving.cancel()

    def note(self, what: object) -> None:
        """Write down what happens to this client."""
        self._history.note(f"client {self.ask.number}", what)


class SimInbound:
    """The request as it arrives."""

    def __init__(self, client: SimClient, headers: Headers, body: bytes) -> None:
        self.method = "POST"
        self.path = "/v1/chat/completions"
        self.headers = headers
        self._client = client
        self._body = body
        self._news = Event()

    def wake(self) -> None:
        """Let whoever waits for the body look again."""
        self._news.set()

    async def read_body(self, limit_bytes: int, timeout_s: float) -> bytes:
        """Read the whole body, with the errors that the port names."""
        client = self._client
        if client.ask.body_s > 0:
            try:
                async with asyncio.timeout(min(client.ask.body_s, timeout_s)):
                    await self._news.wait()
            except TimeoutError:
                if client.ask.body_s >= timeout_s:
                    raise GatewayError(ErrorCode.REQUEST_TIMEOUT, f"not here within {timeout_s:g} s") from None
        if client.left_s is not None:
            raise ClientGone
        return self._body


class SimResponder:
    """The way back. It insists on its order: one head, parts, one end, and nothing behind the close."""

    def __init__(self, client: SimClient) -> None:
        self.gone = Event()
        self.status: int | None = None
        self.headers: dict[bytes, bytes] = {}
        self.parts: list[bytes] = []
        self.part_times_s: list[float] = []
        self.finished = False
        self.closed = False
        self._client = client
        self._watching = False
        self._on_gone: Callable[[], None] | None = None
        self._reads_at_s = 0.0

    @property
    def body(self) -> bytes:
        """All that was sent behind the head."""
        return b"".join(self.parts)

    def watch(self, on_gone: Callable[[], None] | None = None) -> None:
        """Start to notice the client leaving; one who left already is noticed a turn of the loop later."""
        self._watching, self._on_gone = True, on_gone
        if self._client.left_s is not None:
            asyncio.get_running_loop().call_soon(self.note_gone)

    def note_gone(self) -> None:
        """Notice that the client left."""
        if self._watching and not self.finished and not self.gone.is_set():
            self.gone.set()
            if self._on_gone is not None:
                self._on_gone()

    @property
    def is_full(self) -> bool:
        """Tell whether the client still reads the part before."""
        return self._reads_at_s > asyncio.get_running_loop().time()

    async def send_head(self, status: int, headers: Headers) -> None:
        """Send the status and headers; once."""
        assert self.status is None, "the head is sent once"
        assert not self.closed, "nothing is sent behind the close"
        self._check_there()
        self.status, self.headers = status, dict(headers)
        self._client.note(f"gets {status}")

    async def send_chunk(self, data: bytes) -> None:
        """Send a part of the body and wait while the client's buffer is full. Raises ClientGone."""
        await self._deliver(data)

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body."""
        await self._deliver(data)
        self.finished = True
        self._client.note("has the end")

    async def aclose(self) -> None:
        """Stop watching."""
        self.closed, self._watching = True, False

    async def _deliver(self, data: bytes) -> None:
        assert not self.finished, "nothing follows the last part"
        assert not self.closed, "nothing is sent behind the close"
        # A head that found nobody there is not sent, and whoever follows it up finds nobody either.
        self._check_there()
        assert self.status is not None, "the head comes first"
        await self._until_read()
        loop, ask = asyncio.get_running_loop(), self._client.ask
        if data:
            self.parts.append(data)
            self.part_times_s.append(loop.time())
            self._client.note(f"gets {len(data)} bytes: {_shown(data)}")
        count = len(self.parts)
        self._reads_at_s = loop.time() + ask.read_s + (ask.stops_for_s if count == ask.stops_after else 0.0)
        if count == ask.leaves_after_parts:
            # As a connection does: never from within the send.
            loop.call_soon(self._client.leave)

    async def _until_read(self) -> None:
        """Wait while the client does not read; the edge gives up on one that takes nothing for long."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        if self._reads_at_s <= began_s:
            return
        try:
            async with asyncio.timeout(min(self._reads_at_s - began_s, SLOW_CLIENT_S)):
                await self.gone.wait()
        except TimeoutError:
            if self._reads_at_s - began_s > SLOW_CLIENT_S:
                self._client.leave()
        finally:
            self._client.blocked_s.append((began_s, loop.time()))
        self._check_there()

    def _check_there(self) -> None:
        if self.gone.is_set() or self._client.left_s is not None:
            raise ClientGone


def _shown(data: bytes) -> str:
    return data.decode("utf-8", "replace")[:60].replace("\n", "\\n").replace("\r", "\\r")


def prompt_of(ask: Ask) -> str:
    """Write the prompt; twins have the same."""
    number = ask.number if ask.twin_of < 0 else ask.twin_of
    return " ".join(["request", str(number), *["word"] * ask.prompt_words])


def _body(ask: Ask) -> bytes:
    body: dict[str, object] = {"model": ask.alias, "messages": _messages(ask)}
    if ask.stream:
        body["stream"] = True
        if ask.include_usage:
            body["stream_options"] = {"include_usage": True}
    return msgspec.json.encode(body)


def _messages(ask: Ask) -> list[dict[str, object]]:
    asked: list[dict[str, object]] = [{"role": "user", "content": prompt_of(ask)}]
    if ask.session < 0:
        return asked
    before = [{"role": "user", "content": _BEFORE}, {"role": "assistant", "content": "yes?"}]
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    result = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]
    return [*before, *asked, *(result if ask.in_tool_loop else ())]


def _headers(ask: Ask, *, keyed: bool) -> Headers:
    headers = [(b"content-type", b"application/json")]
    if keyed:
        headers.append((b"authorization", b"Bearer " + KEYS[ask.tenant]))
    if ask.session >= 0:
        headers.append((b"x-session-id", b"session %d" % ask.session))
    if ask.patience_s:
        headers.append((b"x-request-timeout", b"%g" % ask.patience_s))
    if ask.deadline_ms:
        headers.append((b"x-tiergate-deadline-ms", b"%d" % ask.deadline_ms))
    if ask.max_cost_usd:
        headers.append((b"x-tiergate-max-cost-usd", f"{ask.max_cost_usd:f}".encode()))
    if ask.batch:
        headers.append((b"x-tiergate-priority", b"batch"))
    return tuple(headers)
