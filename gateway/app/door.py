"""The outermost ASGI application: an exact table of hot routes, and Starlette for the rest.

Routes match the path's raw bytes: `/v1//chat/completions`, `/v1/%63hat/completions`, a trailing slash and the like are
404, so that no rule which a proxy in front applies to a path can be got round. Only in the name of a model, behind
`/v1/models/`, may bytes be escaped: clients write the slashes in it so. Headers that ask for another method or path are
not read at all.
"""

from collections.abc import Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, ExceptionHandler, Lifespan, Receive, Scope, Send

from gateway.app.asgi import AsgiInbound, AsgiResponder, Handler
from gateway.app.refusal import refusal
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.request import Operation
from gateway.ports import ClientGone

HOT_ROUTES: Mapping[bytes, Operation] = {b"/v1/" + operation.value.encode(): operation for operation in Operation}
"""Raw path to operation; all are POST."""
_NAMED = b"/v1/models/"


class Door:
    """Hand hot requests to the pipeline, everything else to `others`.

    A server that parses HTTP itself may look in `HOT_ROUTES` and call `handler` without building a scope.
    """

    __slots__ = ("_others", "handler")

    def __init__(self, handler: Handler, others: ASGIApp) -> None:
        self.handler = handler
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] != "http":
            await self._others(scope, receive, send)
            return
        path = _raw_path(scope)
        operation = HOT_ROUTES.get(path)
        if operation is not None and scope["method"] == "POST":
            await self._serve(operation, scope, receive, send)
        elif operation is not None:
            await _refuse(_method_not_allowed("POST"), scope, receive, send, allow="POST", called=operation)
        elif path != scope["path"].encode("utf-8", "surrogateescape") and not path.startswith(_NAMED):
            await _refuse(_not_found(), scope, receive, send)
        else:
            await self._others(scope, receive, send)

    async def _serve(self, operation: Operation, scope: Scope, receive: Receive, send: Send) -> None:
        inbound = AsgiInbound(scope, receive)
        responder = AsgiResponder(scope, receive, send, inbound)
        try:
            await self.handler(operation, inbound, responder)
        except ClientGone:
            # Nobody is left to be told anything.
            return
        finally:
            await responder.aclose()


def create_app(handler: Handler, routes: Sequence[BaseRoute], *, lifespan: Lifespan[Starlette] | None = None) -> Door:
    """Build the application. `routes` are the cold ones (models, health, metrics, receipts, admin).

    A cold route may raise GatewayError; it becomes the OpenAI-shaped answer.
    """
    handlers: dict[int | type[Exception], ExceptionHandler] = {
        404: _answer_not_found,
        405: _answer_method_not_allowed,
        GatewayError: _answer_gateway_error,
        Exception: _answer_internal_error,
    }
    others = Starlette(routes=list(routes), lifespan=lifespan, exception_handlers=handlers)
    # A redirect to the path without its slash would be a second spelling of the same route.
    others.router.redirect_slashes = False
    return Door(handler, others)


def _raw_path(scope: Scope) -> bytes:
    raw: bytes | None = scope.get("raw_path")
    return raw if raw is not None else str(scope["path"]).encode()


async def _refuse(
    error: GatewayError,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    allow: str | None = None,
    called: Operation = Operation.CHAT,
) -> None:
    status, headers, body = refusal(error, called)
    responder = AsgiResponder(scope, receive, send, AsgiInbound(scope, receive))
    await responder.send_head(status, [*headers, *([(b"allow", allow.encode())] if allow else [])])
    await responder.finish(b"" if scope["method"] == "HEAD" else body)


def _not_found() -> GatewayError:
    return GatewayError(
        ErrorCode.NOT_FOUND,
        "There is nothing at this path. Point your client's base URL at /v1, without a slash at its end (a client of "
        "Anthropic's API at the gateway itself, without /v1), and call chat/completions, completions, embeddings, "
        "messages, responses or models there.",
    )


def _method_not_allowed(allow: str) -> GatewayError:
    return GatewayError(ErrorCode.METHOD_NOT_ALLOWED, f"This path answers {allow} only.")


def _response(error: GatewayError, extra: Mapping[str, str] | None = None) -> Response:
    status, headers, body = refusal(error)
    named = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    return Response(body, status, {**named, **(extra or {})})


def _answer_not_found(request: Request, error: Exception) -> Response:
    return _response(_not_found())


def _answer_method_not_allowed(request: Request, error: Exception) -> Response:
    allow = (error.headers or {}).get("Allow", "") if isinstance(error, HTTPException) else ""
    return _response(_method_not_allowed(allow), {"allow": allow})


def _answer_gateway_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, GatewayError):
        raise error
    return _response(error)


def _answer_internal_error(request: Request, error: Exception) -> Response:
    return _response(GatewayError(ErrorCode.INTERNAL_ERROR, "The gateway failed. The failure was recorded."))
