"""uvicorn's HTTP protocol, made strict where an ASGI application cannot see: heads, framing, slowness, closing.

Hot requests go from here to the pipeline, everything else to the ASGI application. Checks hang on the parser's
callbacks. Times are not kept by a timer for each request but by one sweep over all connections, so that a request whose
head arrives in one piece pays for none of them.
"""

from asyncio import AbstractEventLoop, Transport
from collections.abc import Callable
from typing import Any, ClassVar

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from gateway.app.asgi import CONNECTION, Handler
from gateway.app.direct import DirectCycle
from gateway.app.door import HOT_ROUTES, Door
from gateway.app.edge_rules import bad_head, check_head, head_too_slow, headers_too_large, url_too_long
from gateway.app.edge_sweeper import KEEP_ALIVE_S, SLOW_CLIENT_S, SWEEP_S, WRITE_HIGH_BYTES, EdgeTerms, Sweeper
from gateway.app.refusal import refusal_bytes
from gateway.domain.errors import GatewayError
from gateway.domain.limits import EdgeLimits

LINGER_S = 2.0
LINGER_BYTES = 1024 * 1024
"""How long, and how much of what is still on its way, is read and dropped before a connection is closed. Closing with
unread data sends a reset, which may destroy the answer before the client has read it."""

_FRAMING_ALLOWANCE_BYTES = 64 * 1024
"""What chunk sizes and extensions may take beyond the payload itself."""


class EdgeProtocol(HttpToolsProtocol):
    """One connection. Make a class for a server with `edge_protocol`."""

    cycle: RequestResponseCycle | DirectCycle  # type: ignore[assignment]
    terms: ClassVar[EdgeTerms]
    sweeper: ClassVar[Sweeper]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.url = b""
        self._hot_handler = config.app.handler if isinstance(config.app, Door) else None
        self.watchers: set[Callable[[], None]] = set()
        self.is_lost = False
        self._limits = self.terms.limits_of()
        self._in_head = True
        self._deaf = False
        self._discarded_bytes = 0
        # Received of the message under way, and how much of that was payload.
        self._wire_bytes = self._payload_bytes = 0
        # Loop times; None where the limit in question does not run.
        self._head_since_s: float | None = None
        self._idle_since_s: float | None = None
        self._blocked_since_s: float | None = None
        self._blocked_bytes = 0
        self._close_by_s: float | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Start the clock for the first head."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(WRITE_HIGH_BYTES)
        self._head_since_s = self.loop.time()
        self.sweeper.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever watches."""
        self.sweeper.discard(self)
        super().connection_lost(exc)
        self._tell_watchers()

    def eof_received(self) -> None:
        """Take a half-closed connection for a closed one: nothing tells them apart, and leaving saves the model."""
        running = self._running()
        if running is not None:
            # uvicorn hears of it only when the connection is lost, and would take a handler that leaves for a fault.
            running.disconnected = True
            running.message_event.set()
        self._tell_watchers()

    def data_received(self, data: bytes) -> None:
        """Parse, and stop listening at the first fault."""
        if self._deaf:
            self._discard(len(data))
            return
        self._idle_since_s = None
        self._wire_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # We upgrade to nothing; the parser takes what follows for another protocol.
            self._answer_no_more()
        except httptools.HttpParserCallbackError as error:
            self._refuse(_cause(error))
        except httptools.HttpParserError as error:
            self._refuse(bad_head(f"This is not well-formed HTTP/1.1: {error}."))
        if self._wire_bytes and not self._deaf:
            self._check_unfinished()

    def on_message_begin(self) -> None:
        """Begin a head. A request that does not wait for the answer to the one before it ends the connection."""
        if self._running() is not None:
            raise bad_head("Send the next request once the answer to this one has come.")
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: self}  # type: ignore[dict-item]
        self._limits = self.terms.limits_of()

    def on_headers_complete(self) -> None:
        """Check the head, and start the request."""
        check_head(self.url, self.parser.get_http_version(), self.headers, self._limits)
        self._in_head = False
        self._head_since_s = None
        if self._hot_handler is None or not self._take_hot(self._hot_handler):
            super().on_headers_complete()
        if self.terms.is_leaving():
            self.cycle.keep_alive = False
        # Trailers go to a list of their own, which nobody reads: the request's headers are complete.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Count the payload."""
        self._payload_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Be ready for the next head."""
        super().on_message_complete()
        self._in_head = True
        self._wire_bytes = self._payload_bytes = 0

    def on_response_complete(self) -> None:
        """Wait for the next request, unless the body of this one is still on its way."""
        self.server_state.total_requests += 1
        if self._deaf or self.transport.is_closing():
            return
        if self.cycle.more_body:
            self.linger()
            return
        self.flow.resume_reading()
        self._idle_since_s = self.loop.time()

    def pause_writing(self) -> None:
        """Start the clock for a client that does not read."""
        self._blocked_since_s = self.loop.time()
        self._blocked_bytes = self.transport.get_write_buffer_size()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Stop that clock."""
        self._blocked_since_s = None
        super().resume_writing()

    def let_answer_be_the_last(self) -> None:
        """End the connection with the answer under way, if there is one."""
        running = self._running()
        if running is not None:
            running.keep_alive = False

    def linger(self) -> None:
        """Close so that the answer survives: end our side, and read on for a while without listening."""
        self._deaf = True
        if self.transport.is_closing() or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._close_by_s = self.loop.time() + LINGER_S

    def sweep(self, now_s: float) -> None:
        """Keep the time limits; called a few times a second."""
        if self._blocked_since_s is not None:
            self._sweep_blocked(now_s, self._blocked_since_s)
        elif self._close_by_s is not None:
            if now_s >= self._close_by_s:
                self.transport.abort()
        elif self._head_since_s is not None and now_s - self._head_since_s >= self._limits.headers_timeout_s:
            self._head_since_s = None
            if self._wire_bytes:
                self._refuse(head_too_slow(self._limits))
            else:
                self.transport.close()
        elif self._idle_since_s is not None and now_s - self._idle_since_s >= self.terms.keep_alive_s:
            self.transport.close()

    def _take_hot(self, handler: Handler) -> bool:
        """Start a hot request without ASGI; tell whether it was one. Those with a query are left to ASGI, to parse."""
        operation = HOT_ROUTES.get(self.url)
        if operation is None or self.parser.get_method() != b"POST":
            return False
        version = self.parser.get_http_version()
        keep_alive = version == "1.1" and self.parser.should_keep_alive()
        self.cycle = DirectCycle(self, self.url.decode(), version, keep_alive=keep_alive)
        self.cycle.start(operation, handler)
        return True

    def _sweep_blocked(self, now_s: float, since_s: float) -> None:
        left_bytes = self.transport.get_write_buffer_size()
        if left_bytes < self._blocked_bytes:
            self._blocked_since_s = now_s
            self._blocked_bytes = left_bytes
        elif now_s - since_s >= self.terms.slow_client_s:
            self.transport.abort()

    def _check_unfinished(self) -> None:
        """Look at a message of which more is to come."""
        limits = self._limits
        if self._in_head:
            if self._head_since_s is None:
                self._head_since_s = self.loop.time()
            if len(self.url) > limits.url_bytes:
                self._refuse(url_too_long(limits))
            elif self._wire_bytes > limits.headers_bytes + limits.url_bytes:
                self._refuse(headers_too_large(limits))
        elif self._wire_bytes > 2 * self._payload_bytes + _FRAMING_ALLOWANCE_BYTES:
            self._refuse(bad_head("The body's chunks are framed by more bytes than they carry."))
        elif isinstance(self.cycle, RequestResponseCycle) and self.cycle.transport is self.transport:
            self.cycle.transport = _LingeringTransport(self)  # type: ignore[assignment]

    def _refuse(self, error: GatewayError) -> None:
        """Answer a fault and close. What follows it on the connection is never answered."""
        cycle = self._running()
        if cycle is not None:
            if not cycle.more_body:
                # The fault lies behind a sound request, which keeps its answer.
                self._answer_no_more()
                return
            cycle.disconnected = True
            cycle.message_event.set()
            self._tell_watchers()
            if cycle.response_started:
                self.transport.abort()
                return
        self.transport.write(refusal_bytes(error))
        self.linger()

    def _running(self) -> RequestResponseCycle | DirectCycle | None:
        cycle: RequestResponseCycle | DirectCycle | None = self.cycle
        return None if cycle is None or cycle.response_complete else cycle

    def _answer_no_more(self) -> None:
        self._deaf = True
        self.cycle.keep_alive = False

    def _discard(self, size_bytes: int) -> None:
        self._discarded_bytes += size_bytes
        if self._discarded_bytes > LINGER_BYTES:
            self.transport.abort()

    def _tell_watchers(self) -> None:
        self.is_lost = True
        watchers, self.watchers = self.watchers, set()
        for tell in watchers:
            tell()


class _LingeringTransport:
    """Given to a request whose body is still arriving, so that an early answer closes without a reset."""

    def __init__(self, protocol: EdgeProtocol) -> None:
        self._protocol = protocol
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        """Close, lingering if the body did not end in the meantime."""
        if self._protocol.cycle.more_body:
            self._protocol.linger()
        else:
            self._protocol.transport.close()


def edge_protocol(
    limits_of: Callable[[], EdgeLimits],
    *,
    keep_alive_s: float = KEEP_ALIVE_S,
    slow_client_s: float = SLOW_CLIENT_S,
    sweep_s: float = SWEEP_S,
    is_leaving: Callable[[], bool] = lambda: False,
) -> type[EdgeProtocol]:
    """Make the protocol class of one server. `limits_of` is asked at each request, so that a reload counts."""
    terms = EdgeTerms(limits_of, keep_alive_s, slow_client_s, is_leaving)
    return type("BoundEdgeProtocol", (EdgeProtocol,), {"terms": terms, "sweeper": Sweeper(sweep_s)})


def _cause(error: httptools.HttpParserCallbackError) -> GatewayError:
    """Find what a callback raised. Anything but a refusal or an undecodable URL is a fault of ours, and goes on."""
    cause = error.__context__
    if isinstance(cause, GatewayError):
        return cause
    if isinstance(cause, httptools.HttpParserError | UnicodeError):
        return bad_head("The request line is not well-formed.")
    raise error
