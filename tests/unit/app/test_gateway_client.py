"""What a command is told when a gateway does not answer as it should."""

from collections.abc import Callable

import httpx
import pytest

from gateway.app.gateway_client import CannotAsk, ask


def answering(status: int, content: bytes) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, content=content))


def failing(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer


def test_a_document_is_sent_and_one_is_answered() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, str(request.url)) == ("POST", "http://gateway/admin/x?a=1")
        assert request.headers["content-type"] == "application/json"
        return httpx.Response(200, content=request.content)

    transport = httpx.MockTransport(answer)
    found = ask("POST", "http://gateway/v1/", "/admin/x", document={"b": 2}, params={"a": "1"}, transport=transport)
    assert found == {"b": 2}


@pytest.mark.parametrize(
    ("status", "content", "told"),
    [
        (404, b'{"error": {"message": "There is nothing here."}}', "says 404: There is nothing here."),
        (502, b"bad gateway", "says 502: bad gateway"),
        (500, b"", "says 500: nothing more"),
        (200, b"hello", "no Tiergate"),
        (200, b"[]", "no Tiergate"),
    ],
)
def test_what_is_no_answer_is_told(status: int, content: bytes, told: str) -> None:
    with pytest.raises(CannotAsk, match=told):
        ask("GET", "http://gateway", "/", transport=answering(status, content))


def test_where_nobody_listens_that_is_told_with_a_way_out() -> None:
    transport = httpx.MockTransport(failing(httpx.ConnectError("refused")))
    with pytest.raises(CannotAsk, match="refused"):
        ask("GET", "http://gateway", "/", transport=transport)
    with pytest.raises(CannotAsk, match="--url"):
        ask("GET", "gateway:80:x", "/")
