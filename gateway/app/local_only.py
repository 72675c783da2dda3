"""What only this machine may ask: operators' routes, which need no key."""

from typing import Final

from starlette.requests import Request

from gateway.domain.errors import ErrorCode, GatewayError

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1"})
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


def only_from_here(request: Request) -> None:
    """Let callers from this machine pass. Raises GatewayError `not_found` for others: for them there is no such path.

    A proxy on this machine says by its headers that it asks for somebody else.
    """
    is_here = request.client is not None and request.client.host in _LOOPBACK
    if not is_here or any(name in request.headers for name in _FORWARDED):
        raise GatewayError(ErrorCode.NOT_FOUND, "There is nothing at this path for callers from elsewhere.")
