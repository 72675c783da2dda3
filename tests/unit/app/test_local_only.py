"""Who counts as a caller on the machine itself."""

import pytest
from starlette.requests import Request

from gateway.app.local_only import only_from_here
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
