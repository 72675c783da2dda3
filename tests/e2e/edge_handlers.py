"""Handlers that stand where the pipeline stands, for tests of what lies before it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.app.asgi import Handler
from gateway.app.door import create_app
from gateway.app.refusal import refusal
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.request import Operation
from gateway.ports import ClientGone, Headers, Inbound, Responder

OK = (b"content-type", b"application/json")

AppOf = Callable[[Handler], ASGIApp]


def create_direct(handler: Handler) -> ASGIApp:
    """Make an application whose hot routes the edge protocol takes before ASGI."""
    return create_app(handler, [])


def create_asgi(handler: Handler) -> ASGIApp:
    """Make the same application so that every request goes through ASGI."""
    door = create_app(handler, [])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await door(scope, receive, send)

    return app


@dataclass(slots=True)
class Echo:
    """Reads the body and answers its size; answers refusals as the pipeline does. Remembers what it was given.

    With `key`, only that bearer token may go on to the body.
    """

    limit_bytes: int = 8 * 1024 * 1024
    timeout_s: float = 30.0
    key: bytes | None = None
    calls: int = 0
    bodies: list[bytes] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    gone: int = 0

    async def __call__(self, operation: Operation, inbound: Inbound, responder: Responder) -> None:
        """Answer one request."""
        self.calls += 1
        self.headers.append(inbound.headers)
        try:
            self._check_key(inbound)
            body = await inbound.read_body(self.limit_bytes, self.timeout_s)
        except GatewayError as error:
            status, headers, text = refusal(error)
            await responder.send_head(status, headers)
            await responder.finish(text)
            return
        except ClientGone:
            self.gone += 1
            return
        self.bodies.append(body)
        answer = b'{"bytes":%d}' % len(body)
        await responder.send_head(200, [OK, (b"content-length", b"%d" % len(answer))])
        await responder.finish(answer)

    def _check_key(self, inbound: Inbound) -> None:
        if self.key is not None and (b"authorization", b"Bearer " + self.key) not in list(inbound.headers):
            raise GatewayError(ErrorCode.INVALID_API_KEY, "Unknown key.")
