"""What only operators may ask, who need no key: from this machine, or by the admin listener."""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from gateway.domain.errors import ErrorCode, GatewayError

Endpoint = Callable[[Request], Awaitable[Response]]

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


def only_from_here(request: Request) -> None:
    """Let callers from this machine pass. Raises GatewayError `not_found` for others: for them there is no such path.

    A proxy on this machine says by its headers that it asks for somebody else.
    """
    is_here = request.client is not None and request.client.host in _LOOPBACK
    if not is_here or any(name in request.headers for name in _FORWARDED):
        raise GatewayError(ErrorCode.NOT_FOUND, "There is nothing at this path for callers from elsewhere.")


def only_by(port: int, endpoint: Endpoint) -> Endpoint:
    """Let an endpoint answer only what came by the listener on that port; to the others there is no such path.

    A page from elsewhere can have a browser ask under a name of its own that leads here (DNS rebinding), and would then
    read the answers: so the host must be an address or `localhost`. What is not only read needs a header that such a
    page may not send without being allowed to.
    """

    async def answer(request: Request) -> Response:
        server = request.scope.get("server")
        if server is None or server[1] != port:
            raise GatewayError(ErrorCode.NOT_FOUND, "There is nothing at this path.")
        if not _is_address(request.url.hostname or ""):
            message = "The console answers under an address or localhost, and under no other name."
            raise GatewayError(ErrorCode.PERMISSION_DENIED, message)
        if request.method not in ("GET", "HEAD") and "hx-request" not in request.headers:
            raise GatewayError(ErrorCode.PERMISSION_DENIED, "This is for the console's own page.")
        return await endpoint(request)

    return answer


def _is_address(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
