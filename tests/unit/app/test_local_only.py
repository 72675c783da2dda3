"""Who counts as a caller on the machine itself."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from gateway.app.local_only import only_by, only_from_here
from gateway.domain.errors import ErrorCode, GatewayError


def request(client: tuple[str, int] | None, *headers: tuple[bytes, bytes]) -> Request:
    return Request({"type": "http", "method": "GET", "path": "/", "headers": list(headers), "client": client})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_machine_itself_may_ask(host: str) -> None:
    only_from_here(request((host, 5)))


@pytest.mark.parametrize(
    "asked",
    [
        request(None),
        request(("10.0.0.1", 5)),
        request(("127.0.0.1", 5), (b"x-forwarded-for", b"10.0.0.1")),
        request(("127.0.0.1", 5), (b"forwarded", b"for=10.0.0.1")),
        request(("127.0.0.1", 5), (b"x-real-ip", b"10.0.0.1")),
    ],
)
def test_nobody_else_may(asked: Request) -> None:
    with pytest.raises(GatewayError) as refused:
        only_from_here(asked)
    assert refused.value.code is ErrorCode.NOT_FOUND


async def greet(request: Request) -> Response:
    return Response(b"hello")


def by(server: tuple[str, int] | None, host: bytes = b"127.0.0.1:8081", method: str = "GET") -> Request:
    """Return a request that came by a listener."""
    head = {"type": "http", "scheme": "http", "method": method, "path": "/", "query_string": b"", "server": server}
    return Request({**head, "headers": [(b"host", host)]})


async def test_what_came_by_the_admin_listener_is_answered() -> None:
    assert (await only_by(8081, greet)(by(("10.0.0.5", 8081)))).body == b"hello"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (by(None), ErrorCode.NOT_FOUND),
        (by(("127.0.0.1", 8080)), ErrorCode.NOT_FOUND),
        (by(("127.0.0.1", 8081), b"tiergate.example:8081"), ErrorCode.PERMISSION_DENIED),
        (by(("127.0.0.1", 8081), method="POST"), ErrorCode.PERMISSION_DENIED),
    ],
)
async def test_what_came_otherwise_or_under_a_name_is_not(asked: Request, code: ErrorCode) -> None:
    with pytest.raises(GatewayError) as refused:
        await only_by(8081, greet)(asked)
    assert refused.value.code is code
