"""Framing that two servers in a row could read differently never gets an answer for what hides behind it."""

import asyncio

import pytest

from gateway.app.door import create_app
from gateway.app.edge_protocol import edge_protocol
from gateway.domain.limits import EdgeLimits
from tests.e2e.edge_handlers import Echo
from tests.support.live_edge import live_edge
from tests.support.raw_http import converse, one_answer, post

CHUNKED = b"5\r\nhello\r\n0\r\n\r\n"
SECOND = post(b"Content-Length: 2", b"X-Smuggled: yes", body=b"{}")

CORPUS = {
    "te and cl": post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=CHUNKED),
    "cl and te": post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=CHUNKED),
    "cl twice": post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
    "two different cl": post(b"Content-Length: 5", b"Content-Length: 0", body=b"hello"),
    "joined cl": post(b"Content-Length: 5, 5", body=b"hello"),
    "signed cl": post(b"Content-Length: +5", body=b"hello"),
    "negative cl": post(b"Content-Length: -5", body=b"hello"),
    "hexadecimal cl": post(b"Content-Length: 0x5", body=b"hello"),
    "underscored cl": post(b"Content-Length: 1_0", body=b"hellohello"),
    "empty cl": post(b"Content-Length: ", body=b"hello"),
    "huge cl": post(b"Content-Length: 99999999999999999999999999", body=b"hello"),
    "xchunked": post(b"Transfer-Encoding: xchunked", body=CHUNKED),
    "identity": post(b"Transfer-Encoding: identity", body=b"hello"),
    "chunked and identity": post(b"Transfer-Encoding: chunked, identity", body=CHUNKED),
    "gzip and chunked": post(b"Transfer-Encoding: gzip, chunked", body=CHUNKED),
    "chunked twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=CHUNKED),
    "vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=CHUNKED),
    "empty te": post(b"Transfer-Encoding: ", body=CHUNKED),
    "folded te": post(b"Transfer-Encoding:\r\n chunked", body=CHUNKED),
    "space before colon": post(b"Transfer-Encoding : chunked", body=CHUNKED),
    "te in http 1.0": post(b"Transfer-Encoding: chunked", body=CHUNKED).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "bare lf in head": post(b"Content-Length: 5\nX: y", body=b"hello"),
    "bare lf after head": post(b"Content-Length: 5", body=b"hello").replace(b"\r\n\r\n", b"\r\n\n"),
    "bare lf chunk size": post(b"Transfer-Encoding: chunked", body=b"5\nhello\r\n0\r\n\r\n"),
    "bare lf chunk data": post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\n0\r\n\r\n"),
    "bare lf last chunk": post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\n\n"),
    "bare lf extension": post(b"Transfer-Encoding: chunked", body=b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "chunk longer than said": post(b"Transfer-Encoding: chunked", body=b"3\r\nhello\r\n0\r\n\r\n"),
    "hexadecimal prefix": post(b"Transfer-Encoding: chunked", body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    "signed chunk": post(b"Transfer-Encoding: chunked", body=b"+5\r\nhello\r\n0\r\n\r\n"),
    "space in chunk size": post(b"Transfer-Encoding: chunked", body=b"5 \r\nhello\r\n0\r\n\r\n"),
    "overflowing chunk": post(b"Transfer-Encoding: chunked", body=b"fffffffffffffffff5\r\nhello\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("first", CORPUS.values(), ids=CORPUS.keys())
async def test_ambiguous_framing_is_refused_and_nothing_behind_it_is_answered(first: bytes) -> None:
    echo = Echo()
    async with live_edge(create_app(echo, []), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, first + SECOND)
        assert (answer.status, answer.code) == (400, "bad_request_line")
        assert answer.headers[b"connection"] == b"close"
        assert not echo.bodies


async def test_a_flood_of_chunk_extensions_is_refused() -> None:
    echo = Echo()
    flood = (b"1;" + b"x" * 4000 + b"\r\na\r\n") * 200
    async with live_edge(create_app(echo, []), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, post(b"Transfer-Encoding: chunked"), flood)
        assert (answer.status, answer.code) == (400, "bad_request_line")
        assert not echo.bodies


async def test_an_ordinary_chunked_body_with_an_extension_passes() -> None:
    echo = Echo()
    body = b"5;name=value\r\nhello\r\n0\r\n\r\n"
    async with live_edge(create_app(echo, []), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, post(b"Transfer-Encoding: chunked", b"Connection: close", body=body))
        assert answer.status == 200
        assert echo.bodies == [b"hello"]


async def test_a_request_sent_ahead_of_the_first_answer_is_never_answered() -> None:
    echo = Echo()
    async with live_edge(create_app(echo, []), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, post(b"Content-Length: 2", body=b"{}") + SECOND)
        assert answer.status == 200
        assert answer.headers[b"connection"] == b"close"
        assert echo.calls == 1


async def test_junk_behind_a_sound_request_costs_it_nothing_but_the_connection() -> None:
    echo = Echo()
    async with live_edge(create_app(echo, []), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, post(b"Content-Length: 2", body=b"{}JUNK\x00\r\n\r\n"))
        assert answer.status == 200
        assert echo.bodies == [b"{}"]


async def test_trailers_do_not_become_headers() -> None:
    echo = Echo(key=b"secret")
    body = b"5\r\nhello\r\n0\r\nAuthorization: Bearer secret\r\n\r\n"
    async with live_edge(create_app(echo, []), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, post(b"Transfer-Encoding: chunked", b"Connection: close", body=body))
        assert answer.status == 401
        assert all(name != b"authorization" for name, _ in echo.headers[0])


async def test_an_offer_to_upgrade_is_ignored_and_ends_the_connection() -> None:
    echo = Echo()
    request = post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 2", body=b"{}")
    async with live_edge(create_app(echo, []), edge_protocol(EdgeLimits)) as port:
        (answer,) = await converse(port, request + SECOND)
        assert answer.status == 200
        assert echo.calls == 1


async def test_one_connection_serves_many_requests_in_turn() -> None:
    echo = Echo()
    async with live_edge(create_app(echo, []), edge_protocol(EdgeLimits)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for size in range(5):
            writer.write(post(b"Content-Length: %d" % size, body=b"x" * size))
            assert (await one_answer(reader)).body == b'{"bytes":%d}' % size
        writer.close()
