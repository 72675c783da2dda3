"""Heads that are too large, or that two servers could read differently, are refused and end the connection."""

from dataclasses import replace

import pytest

from gateway.app.door import create_app
from gateway.app.edge_protocol import edge_protocol
from gateway.domain.limits import EdgeLimits
from tests.e2e.edge_handlers import Echo
from tests.support.live_edge import live_edge
from tests.support.raw_http import Answer, converse, post

BODY = (b"Content-Length: 2", b"Connection: close")


async def ask(request: bytes) -> tuple[Answer, int]:
    """Return the one answer, and how many requests reached the handler."""
    echo = Echo()
    async with live_edge(create_app(echo, []), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, request)
        return answer, echo.calls


def with_headers(count: int) -> bytes:
    """Write a request with exactly that many headers."""
    extra = [b"X-%d: y" % number for number in range(count - len(BODY) - 1)]
    return post(*BODY, *extra, body=b"{}")


async def test_a_hundred_headers_pass() -> None:
    answer, calls = await ask(with_headers(100))
    assert (answer.status, calls) == (200, 1)


async def test_a_hundred_and_one_headers_are_too_many() -> None:
    answer, calls = await ask(with_headers(101))
    assert (answer.status, answer.code, calls) == (431, "headers_too_large", 0)
    assert answer.headers[b"connection"] == b"close"


@pytest.mark.parametrize("size_bytes", [40 * 1024, 400 * 1024])
async def test_a_huge_header_is_refused(size_bytes: int) -> None:
    answer, calls = await ask(post(b"X-Huge: " + b"a" * size_bytes, *BODY, body=b"{}"))
    assert (answer.status, answer.code, calls) == (431, "headers_too_large", 0)


async def test_many_headers_that_are_large_together_are_refused() -> None:
    answer, calls = await ask(post(*(b"X-%d: " % n + b"a" * 1000 for n in range(40)), *BODY, body=b"{}"))
    assert (answer.status, answer.code, calls) == (431, "headers_too_large", 0)


async def test_a_head_that_never_ends_is_refused_when_it_is_too_large() -> None:
    answer, calls = await ask(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000)
    assert (answer.status, answer.code, calls) == (431, "headers_too_large", 0)


@pytest.mark.parametrize("ending", [b" HTTP/1.1\r\nHost: a\r\n\r\n", b""], ids=["complete", "endless"])
async def test_a_url_over_two_kilobytes_is_refused(ending: bytes) -> None:
    answer, calls = await ask(b"GET /" + b"a" * 2_048 + ending)
    assert (answer.status, answer.code, calls) == (400, "bad_request_line", 0)


async def test_limits_are_asked_for_at_each_request() -> None:
    echo, limits = Echo(), [EdgeLimits()]
    async with live_edge(create_app(echo, []), edge_protocol(lambda: limits[0])) as port:
        assert [answer.status for answer in await converse(port, with_headers(50))] == [200]
        limits[0] = replace(limits[0], headers=10)
        assert [answer.status for answer in await converse(port, with_headers(50))] == [431]


@pytest.mark.parametrize(
    "line",
    [
        b"X\x00Y: a",
        b"X: a\x00b",
        b"X: a\rb",
        b"X: a\x01b",
        b"X : a",
        b"X\t: a",
        b": a",
        b"X",
        b"X: a\r\n folded",
        b"X: a\r\n\tfolded",
        b"H\xc3\xa9: a",
        b"X: a\nY: b",
    ],
)
async def test_a_malformed_header_is_refused(line: bytes) -> None:
    answer, calls = await ask(post(line, *BODY, body=b"{}"))
    assert (answer.status, answer.code, calls) == (400, "bad_request_line", 0)
    assert answer.headers[b"connection"] == b"close"


@pytest.mark.parametrize(
    "host",
    [
        b"evil/?",
        b"a#b",
        b"",
        b"a b",
        b"a@b",
        b"user:pw@a",
        b"a:b",
        b"a:123456",
        b"a,b",
        b"[::1",
        b"[::1]x",
        b"[:::1]",
        b"[1.2.3.4]",
        b"[g::1]",
        b"[]",
        b"a\\b",
        b"a" * 300,
        b"\xe2\x80\xae.example",
    ],
)
async def test_a_junk_host_is_refused(host: bytes) -> None:
    request = b"POST /v1/chat/completions HTTP/1.1\r\nHost: " + host + b"\r\nContent-Length: 0\r\n\r\n"
    answer, calls = await ask(request)
    assert (answer.status, answer.code, calls) == (400, "bad_request_line", 0)


@pytest.mark.parametrize(
    "host", [b"gateway", b"a.b-c.d:8080", b"my_service", b"127.0.0.1:1", b"[::1]:8080", b"[fe80::1]"]
)
async def test_a_sound_host_passes(host: bytes) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: " + host + b"\r\n"
    answer, calls = await ask(head + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    assert (answer.status, calls) == (200, 1)


async def test_two_hosts_are_refused() -> None:
    answer, calls = await ask(post(b"Host: gateway", *BODY, body=b"{}"))
    assert (answer.status, answer.code, calls) == (400, "bad_request_line", 0)


async def test_a_missing_host_is_refused() -> None:
    answer, calls = await ask(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    assert (answer.status, answer.code, calls) == (400, "bad_request_line", 0)


async def test_an_http_1_0_client_needs_no_host() -> None:
    answer, calls = await ask(b"POST /v1/chat/completions HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
    assert (answer.status, calls) == (200, 1)


@pytest.mark.parametrize(
    "line",
    [
        b"GET http://gateway/v1/models HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"CONNECT gateway:80 HTTP/1.1",
        b"GET /v1/models#fragment HTTP/1.1",
        b"GET /v1/mod\xffels HTTP/1.1",
        b"GET /v1/mod\x01els HTTP/1.1",
        b"GET /v1/a b HTTP/1.1",
        b"GET /v1/models",
        b"GET /v1/models HTTP/1.2",
        b"GET /v1/models HTTP/2.0",
        b"PRI * HTTP/2.0",
        b"get /v1/models HTTP/1.1",
        b"NONSENSE /v1/models HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
async def test_an_odd_request_line_is_refused(line: bytes) -> None:
    answer, calls = await ask(line + b"\r\nHost: gateway\r\n\r\n")
    assert (answer.status, answer.code, calls) == (400, "bad_request_line", 0)
    assert answer.headers[b"connection"] == b"close"
