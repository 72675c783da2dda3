"""The lean transport: what it sends, and the one repetition after a kept connection died."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.adapters.upstream_lean import request_bytes
from gateway.ports import StaleConnection, ready_request
from tests.support.behaviours import breaks_before
from tests.support.networks import chunks_of, lean_network
from tests.support.scripts import End, Reply, Script, SeenRequest
from tests.support.waiting import eventually

URL = httpx.URL("http://model-server:8000/v1/chat/completions")


async def test_a_request_is_one_piece_of_bytes_with_host_and_length() -> None:
    payload = await request_bytes(ready_request(URL, [(b"accept", b"*/*")], b"{}"))
    assert payload == (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: model-server:8000\r\naccept: */*\r\ncontent-length: 2\r\n\r\n{}"
    )


async def test_a_request_built_by_httpx_itself_is_sent_too() -> None:
    payload = await request_bytes(httpx.Request("POST", str(URL) + "?a=b", json={"x": 1}))
    assert payload.startswith(b"POST /v1/chat/completions?a=b HTTP/1.1\r\nHost: model-server:8000\r\n")
    assert payload.endswith(b'\r\n\r\n{"x":1}')


async def test_a_body_that_comes_in_parts_is_joined() -> None:
    class Parts(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"

    payload = await request_bytes(httpx.Request("POST", URL, headers=[("content-length", "6")], stream=Parts()))
    assert payload.endswith(b"\r\n\r\nonetwo")


@pytest.mark.parametrize("value", [b"a\r\nx-evil: 1", b"a\nb", b"a\rb"])
async def test_a_line_break_in_a_header_is_refused(value: bytes) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        await request_bytes(ready_request(URL, [(b"x-request-id", value)], b"{}"))


async def test_head_requests_are_refused() -> None:
    with pytest.raises(httpx.LocalProtocolError):
        await request_bytes(httpx.Request("HEAD", URL))


@pytest.mark.parametrize("end", [End.RESET, End.CLOSE])
async def test_a_kept_connection_dead_without_a_byte_is_replaced_once(end: End) -> None:
    async with lean_network() as net:
        await net.fetch()
        net.plan.queue(breaks_before(end))
        assert b"Paris" in await net.fetch()
        assert [seen.connection for seen in net.requests] == [1, 1, 2]
        assert net.stats().stale == 1


async def test_who_decides_on_repetitions_is_told_of_a_dead_connection_and_can_have_a_fresh_one() -> None:
    async with lean_network() as net:
        await net.fetch()
        net.plan.queue(breaks_before(End.CLOSE))
        asked = net.request()
        asked.extensions["sends_once"] = True
        with pytest.raises(StaleConnection):
            await net.transport.handle_async_request(asked)
        await asyncio.gather(net.fetch(), net.fetch())
        again = net.request()
        again.extensions["fresh_connection"] = True
        await chunks_of(await net.transport.handle_async_request(again))
        assert net.requests[-1].connection == 4, "no kept one, though two were free"
        assert net.stats().stale == 1


async def test_the_repetition_is_not_repeated() -> None:
    async with lean_network() as net:
        await net.fetch()
        net.plan.queue(breaks_before(End.CLOSE), breaks_before(End.CLOSE))
        with pytest.raises(httpx.RemoteProtocolError):
            await net.fetch()
        assert len(net.requests) == 3


async def test_the_repetition_never_takes_another_kept_connection() -> None:
    async with lean_network() as net:
        await asyncio.gather(net.fetch(), net.fetch(), net.fetch())
        net.plan.queue(breaks_before(End.CLOSE))
        await net.fetch()
        assert net.requests[-1].connection == 4


async def test_a_fresh_connection_dead_without_a_byte_is_a_failure() -> None:
    async with lean_network() as net:
        with pytest.raises(httpx.RemoteProtocolError):
            await net.fetch("hangs-up")
        assert len(net.requests) == 1


async def test_a_kept_connection_dead_after_a_byte_is_a_failure() -> None:
    async with lean_network() as net:
        await net.fetch()
        net.plan.queue(lambda _: Reply(raw_head=b"HTTP/1.1 2", body=(End.CLOSE,)))
        with pytest.raises(httpx.RemoteProtocolError):
            await net.fetch()
        assert len(net.requests) == 2


async def test_when_no_new_connection_can_be_had_the_first_failure_stands() -> None:
    async with lean_network() as net:
        await net.fetch()

        def vanish(_: SeenRequest) -> Script:
            net.server.stop_listening()
            return Reply(before=(End.CLOSE,))

        net.plan.queue(vanish)
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await net.fetch()
        assert isinstance(caught.value.__cause__, httpx.ConnectError)


async def test_a_kept_connection_that_the_server_closed_leaves_the_pool() -> None:
    async with lean_network() as net:
        await net.fetch()
        net.server.close_idle()
        await eventually(lambda: net.stats().open == 0)
        assert net.stats().idle == 0
