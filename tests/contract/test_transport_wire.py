"""How the real transports treat what a server may put on the wire. The fake has no wire."""

import asyncio

import httpx
import pytest

from gateway.ports import ready_request
from tests.support.behaviours import JSON, json_reply
from tests.support.networks import SOCKET_TRANSPORTS, chunks_of, make_transport, network
from tests.support.scripts import End, Reply, Script, SeenRequest, Send, Step
from tests.support.waiting import eventually, settled

over_sockets = pytest.mark.parametrize("kind", SOCKET_TRANSPORTS)
BROKEN = (httpx.ReadError, httpx.RemoteProtocolError)
SOUND = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def wire(*steps: bytes | End) -> Reply:
    """These bytes as they stand, one write each."""
    head, *rest = steps
    assert isinstance(head, bytes)
    body: tuple[Step, ...] = tuple(Send(step) if isinstance(step, bytes) else step for step in rest)
    return Reply(raw_head=head, body=body)


@over_sockets
async def test_a_connection_is_kept_and_used_again(kind: str) -> None:
    async with network(kind) as net:
        for model in ("ok", "busy", "streams:9"):
            await net.fetch(model, stream=model.startswith("streams"))
        assert [seen.connection for seen in net.requests] == [1, 1, 1]


@over_sockets
async def test_a_connection_of_an_answer_closed_early_is_not_used_again(kind: str) -> None:
    async with network(kind) as net:
        response = await net.ask("stalls-after:1", stream=True)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        await response.stream.aclose()
        await net.fetch()
        assert [seen.connection for seen in net.requests] == [1, 2]


@over_sockets
@pytest.mark.parametrize("interim", [b"100 Continue", b"103 Early Hints"])
async def test_interim_answers_are_skipped(kind: str, interim: bytes) -> None:
    script = wire(b"HTTP/1.1 " + interim + b"\r\nlink: </a>\r\n\r\n", b"HTTP/1.1 " + interim + b"\r\n\r\n", SOUND)
    async with network(kind) as net:
        net.plan.queue(lambda _: script)
        response = await net.ask()
        assert response.status_code == 200
        assert "link" not in response.headers
        assert await chunks_of(response) == [b"ok"]


@over_sockets
async def test_connection_close_is_obeyed(kind: str) -> None:
    async with network(kind) as net:
        net.plan.queue(lambda _: wire(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"))
        assert await net.fetch() == b"ok"
        await net.fetch()
        assert [seen.connection for seen in net.requests] == [1, 2]


@over_sockets
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_an_answer_without_a_length_ends_with_its_connection(kind: str, version: bytes) -> None:
    head = b"HTTP/" + version + b" 200 OK\r\ncontent-type: text/plain\r\n\r\n"
    async with network(kind) as net:
        net.plan.queue(lambda _: wire(head, b"all of", b" it", End.CLOSE))
        assert await net.fetch() == b"all of it"
        await net.fetch()
        assert [seen.connection for seen in net.requests] == [1, 2]


@over_sockets
async def test_an_answer_shorter_than_announced_is_broken(kind: str) -> None:
    async with network(kind) as net:
        net.plan.queue(lambda _: wire(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", End.CLOSE))
        with pytest.raises(BROKEN):
            await net.fetch()


@over_sockets
async def test_a_chunked_answer_without_its_last_chunk_is_broken(kind: str) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with network(kind) as net:
        net.plan.queue(lambda _: wire(head, b"5\r\nhello\r\n", End.CLOSE))
        with pytest.raises(BROKEN):
            await net.fetch()


@over_sockets
async def test_trailers_are_ignored(kind: str) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with network(kind) as net:
        net.plan.queue(lambda _: wire(head, b"5\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n"))
        response = await net.ask()
        assert b"".join(await chunks_of(response)) == b"hello"
        assert "x-trailer" not in response.headers
        await net.fetch()
        assert [seen.connection for seen in net.requests] == [1, 1]


@pytest.mark.parametrize("kind", ["lean"])  # httpx's own transport fails this: see its adapter's docstring
@pytest.mark.parametrize("garbage", [b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"\x00\x01 rubbish\r\n\r\n"])
async def test_what_follows_an_answer_unasked_never_answers_the_next_request(kind: str, garbage: bytes) -> None:
    async with network(kind) as net:
        net.plan.queue(lambda _: wire(SOUND + garbage))
        assert await net.fetch() == b"ok"
        assert b"Paris" in await net.fetch()
        assert [seen.connection for seen in net.requests] == [1, 2]


@over_sockets
@pytest.mark.parametrize(
    "head",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\x00b\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 300_000 + b"\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x-filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 6_000 + b"\r\n",
    ],
    ids=["no-http", "two-lengths", "negative-length", "no-colon", "nul", "huge-header", "many-headers"],
)
async def test_a_malformed_head_is_a_protocol_error(kind: str, head: bytes) -> None:
    async with network(kind) as net:
        net.plan.queue(lambda _: wire(head, End.CLOSE))
        with pytest.raises(httpx.RemoteProtocolError):
            await net.fetch()
        assert b"Paris" in await net.fetch()


@over_sockets
async def test_a_malformed_chunk_breaks_the_answer(kind: str) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with network(kind) as net:
        net.plan.queue(lambda _: wire(head, b"zz\r\nhello\r\n", End.STALL))
        with pytest.raises(httpx.RemoteProtocolError):
            await net.fetch()


@over_sockets
async def test_a_kept_connection_that_the_server_closed_is_replaced(kind: str) -> None:
    async with network(kind) as net:
        assert net.server is not None
        await net.fetch()
        net.server.close_idle()
        await eventually(lambda: net.server is not None and net.server.connections_open == 0)
        assert await net.fetch()
        assert [seen.connection for seen in net.requests] == [1, 2]


@over_sockets
async def test_an_unread_answer_holds_the_server_back(kind: str) -> None:
    piece = b"x" * 65_536
    total = 1024 * len(piece)
    script = Reply(200, JSON, body=(Send(piece),) * 1024)
    async with network(kind) as net:
        net.plan.queue(lambda _: script)
        response = await net.ask()
        seen = net.requests[0]
        await settled(lambda: seen.sent_bytes)
        assert seen.sent_bytes < total
        assert sum(map(len, await chunks_of(response))) == total


@over_sockets
async def test_a_large_request_body_arrives_whole(kind: str) -> None:
    text = "x" * 4_000_000
    async with network(kind) as net:
        await net.fetch("ok", padding=text)
        assert net.requests[0].json["padding"] == text


@over_sockets
async def test_an_answer_before_the_whole_request_was_read_is_taken(kind: str) -> None:
    def refuse(_: SeenRequest) -> Script:
        return json_reply(413, b'{"error":{}}')

    async with network(kind) as net:
        net.plan.queue(refuse)
        response = await net.ask(padding="x" * 100_000)
        assert response.status_code == 413
        await chunks_of(response)


@over_sockets
async def test_closing_the_transport_closes_its_connections(kind: str) -> None:
    async with network(kind, make_transport(kind)) as net:
        assert net.server is not None
        await asyncio.gather(*(net.fetch() for _ in range(5)))
        await net.transport.aclose()
        await eventually(lambda: net.server is not None and net.server.connections_open == 0)


@over_sockets
async def test_other_schemes_are_refused(kind: str) -> None:
    transport = make_transport(kind)
    with pytest.raises(httpx.UnsupportedProtocol):
        await transport.handle_async_request(httpx.Request("GET", "ftp://127.0.0.1/"))
    await transport.aclose()


@over_sockets
async def test_a_server_that_hangs_up_amid_the_request_is_a_failure_at_once(kind: str) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100)
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    transport = make_transport(kind)
    body = b" " * (32 * 1024 * 1024)
    try:
        with pytest.raises((*BROKEN, httpx.WriteError)):
            await transport.handle_async_request(ready_request(httpx.URL(origin), [], body))
    finally:
        await transport.aclose()
        server.close()
        await server.wait_closed()
