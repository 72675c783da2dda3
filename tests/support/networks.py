"""One way to ask any transport: over real sockets to the fault server, or in memory."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from gateway.adapters.upstream_httpx import HttpxTransport
from gateway.adapters.upstream_lean import LeanTransport, TransportStats
from gateway.ports import UpstreamTransport, ready_request
from tests.support.fake_transport import FakeTransport
from tests.support.fault_server import FaultServer
from tests.support.scripts import Plan, SeenRequest, Unreachable

SOCKET_TRANSPORTS = ("lean", "httpx")
TRANSPORTS = (*SOCKET_TRANSPORTS, "fake")


@dataclass(slots=True)
class Network:
    """A transport, the model server behind it, and what that server saw."""

    transport: UpstreamTransport
    plan: Plan
    requests: list[SeenRequest]
    origin: str
    server: FaultServer | None

    def request(self, model: str = "ok", **fields: object) -> httpx.Request:
        """Build a chat request as the gateway does."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}).encode()
        url = httpx.URL(self.origin + "/v1/chat/completions")
        return ready_request(url, [(b"content-type", b"application/json"), (b"accept-encoding", b"identity")], body)

    async def ask(self, model: str = "ok", **fields: object) -> httpx.Response:
        """Send a chat request and return the answer, unread."""
        return await self.transport.handle_async_request(self.request(model, **fields))

    async def fetch(self, model: str = "ok", **fields: object) -> bytes:
        """Send a chat request and return the whole body of the answer."""
        return b"".join(await chunks_of(await self.ask(model, **fields)))

    def make_unreachable(self) -> None:
        """Let the next request find nobody."""
        if self.server is None:
            self.plan.queue(lambda _: Unreachable())
        else:
            self.origin = f"http://127.0.0.1:{free_port()}"


async def chunks_of(response: httpx.Response) -> list[bytes]:
    """Read the answer to its end and close it."""
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        return [chunk async for chunk in response.stream]
    finally:
        await response.stream.aclose()


def free_port() -> int:
    """Return a port on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_transport(kind: str) -> UpstreamTransport:
    """Build the transport of that name, with time enough to connect forty times at once on a busy machine."""
    return LeanTransport(connect_timeout_s=10.0) if kind == "lean" else HttpxTransport(connect_timeout_s=10.0)


@dataclass(slots=True)
class LeanNetwork(Network):
    """A network whose transport is the lean one, over sockets."""

    transport: LeanTransport
    server: FaultServer

    def stats(self) -> TransportStats:
        """What the transport counted."""
        return self.transport.stats()


@asynccontextmanager
async def lean_network(transport: LeanTransport | None = None) -> AsyncIterator[LeanNetwork]:
    """Start the fault server with a lean transport to it; close both at the end."""
    used = transport if transport is not None else LeanTransport()
    async with FaultServer() as server:
        try:
            yield LeanNetwork(used, server.plan, server.requests, server.origin, server)
        finally:
            await used.aclose()


@asynccontextmanager
async def network(kind: str, transport: UpstreamTransport | None = None) -> AsyncIterator[Network]:
    """Start the fault server with a transport to it (or the fake, which is both); close both at the end."""
    if kind == "fake":
        fake = FakeTransport()
        yield Network(fake, fake.plan, fake.requests, "http://model-server", None)
        return
    used = transport if transport is not None else make_transport(kind)
    async with FaultServer() as server:
        try:
            yield Network(used, server.plan, server.requests, server.origin, server)
        finally:
            await used.aclose()
