"""One exchange with a server that scores: what a status stands for, and what is repeated of what it says."""

import httpx
import pytest

from gateway.adapters.remote_http import MAX_ANSWER_BYTES, exchange, raise_for
from gateway.adapters.remote_trouble import BadAnswer, Overloaded, Refused, RemoteTrouble, TooLate, Unreachable

REQUEST = httpx.Request("GET", "http://scorer/")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, Overloaded),
        (503, Overloaded),
        (408, TooLate),
        (504, TooLate),
        (401, Refused),
        (404, Refused),
        (501, Refused),
        (500, BadAnswer),
        (302, BadAnswer),
    ],
)
def test_a_status_says_what_went_wrong(status: int, kind: type[RemoteTrouble]) -> None:
    raise_for(200, b"")
    with pytest.raises(RemoteTrouble) as raised:
        raise_for(status, b"")
    assert (type(raised.value), str(raised.value)) == (kind, f"HTTP {status}")


@pytest.mark.parametrize("body", [b'{"error":"a\\tb"}', b'{"error":{"message":"a\\n b","code":501}}'])
def test_what_the_server_says_is_repeated_in_one_line(body: bytes) -> None:
    with pytest.raises(BadAnswer, match=r"^HTTP 500, 'a b'$"):
        raise_for(500, body)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.PoolTimeout("x"), Overloaded),
        (httpx.ConnectTimeout("x"), Unreachable),
        (httpx.ConnectError("x"), Unreachable),
        (httpx.RemoteProtocolError("x"), Unreachable),
    ],
)
async def test_an_exchange_that_failed_is_told_by_its_kind(error: httpx.TransportError, kind: type) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(kind):
        await exchange(httpx.MockTransport(fail), REQUEST)


async def test_an_answer_is_read_up_to_its_limit() -> None:
    def answer(size_bytes: int) -> httpx.MockTransport:
        return httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream(b"x" * size_bytes)))

    status, _, body = await exchange(answer(MAX_ANSWER_BYTES), REQUEST)
    assert (status, len(body)) == (200, MAX_ANSWER_BYTES)
    with pytest.raises(BadAnswer, match="longer than 64 KiB"):
        await exchange(answer(MAX_ANSWER_BYTES + 1), REQUEST)
