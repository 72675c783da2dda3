"""What every transport does, the lean one, httpx's own, and the fake that stands for them in other tests."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.behaviours import HTML, SSE, breaks_after, sse_reply
from tests.support.networks import TRANSPORTS, Network, chunks_of, network
from tests.support.scripts import End, Hold, Reply, Send
from tests.support.waiting import eventually

any_transport = pytest.mark.parametrize("kind", TRANSPORTS)
BROKEN = (httpx.ReadError, httpx.RemoteProtocolError)


def body_iterator(response: httpx.Response) -> AsyncIterator[bytes]:
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return aiter(response.stream)


async def close(response: httpx.Response) -> None:
    assert isinstance(response.stream, httpx.AsyncByteStream)
    await response.stream.aclose()


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


@any_transport
async def test_a_plain_answer_arrives_whole_with_its_status_and_headers(kind: str) -> None:
    async with network(kind) as net:
        response = await net.ask()
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        answer = json.loads(b"".join(await chunks_of(response)))
        assert answer["choices"][0]["message"]["content"] == "Paris is the capital."


@any_transport
async def test_the_request_arrives_as_it_was_built(kind: str) -> None:
    async with network(kind) as net:
        request = net.request("ok", temperature=0)
        await chunks_of(await net.transport.handle_async_request(request))
        seen = net.requests[0]
        assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
        assert seen.json["temperature"] == 0
        assert seen.header(b"content-length") == str(len(seen.body)).encode()
        assert seen.header(b"host") == request.url.netloc
        assert [name for name, _ in seen.headers].count(b"host") == 1


@any_transport
async def test_a_stream_in_many_pieces_arrives_in_order_and_unchanged(kind: str) -> None:
    pieces = [b"data: %d\n\n" % number for number in range(500)]
    async with network(kind) as net:
        net.plan.queue(lambda _: sse_reply(*pieces))
        response = await net.ask(stream=True)
        assert response.headers["content-type"] == "text/event-stream"
        assert b"".join(await chunks_of(response)) == b"".join(pieces)


@any_transport
async def test_each_piece_is_passed_on_as_it_arrives(kind: str) -> None:
    more = asyncio.Event()
    script = Reply(200, SSE, body=(Send(b"data: 1\n\n"), Hold(more), Send(b"data: 2\n\n")), chunked=True)
    async with network(kind) as net:
        net.plan.queue(lambda _: script)
        body = body_iterator(response := await net.ask(stream=True))
        assert await anext(body) == b"data: 1\n\n"
        more.set()
        assert await anext(body) == b"data: 2\n\n"
        with pytest.raises(StopAsyncIteration):
            await anext(body)
        await close(response)


@any_transport
@pytest.mark.parametrize(("model", "status"), [("busy", 429), ("broken", 500), ("overloaded", 503), ("html", 502)])
async def test_an_error_status_is_an_answer_and_no_failure(kind: str, model: str, status: int) -> None:
    async with network(kind) as net:
        response = await net.ask(model)
        assert response.status_code == status
        assert await chunks_of(response)


@any_transport
async def test_retry_after_can_be_read_from_a_busy_answer(kind: str) -> None:
    async with network(kind) as net:
        response = await net.ask("busy")
        assert response.headers["retry-after"] == "1"
        await chunks_of(response)


@any_transport
async def test_a_redirect_is_handed_over_and_not_followed(kind: str) -> None:
    elsewhere = Reply(307, ((b"location", b"http://127.0.0.1:1/elsewhere"),))
    async with network(kind) as net:
        net.plan.queue(lambda _: elsewhere)
        response = await net.ask()
        assert response.status_code == 307
        assert await chunks_of(response) == []
        assert len(net.requests) == 1


@any_transport
async def test_an_encoded_body_is_passed_on_as_it_is(kind: str) -> None:
    encoded = b"\x1f\x8b not really gzip"
    async with network(kind) as net:
        net.plan.queue(lambda _: Reply(200, (*HTML, (b"content-encoding", b"gzip")), body=(Send(encoded),)))
        assert await net.fetch() == encoded


@any_transport
async def test_many_requests_at_once_each_get_their_own_answer(kind: str) -> None:
    async with network(kind) as net:
        answers = await asyncio.gather(*(net.fetch(f"streams:{count}", stream=True) for count in range(40)))
        assert [answer.count(b'"content":" w') for answer in answers] == list(range(40))


# ── leaving early ────────────────────────────────────────────────────────────────────────────────────────────────


@any_transport
async def test_closing_an_answer_early_is_noticed_by_the_model_server(kind: str) -> None:
    async with network(kind) as net:
        response = await net.ask("stalls-after:2", stream=True)
        await anext(body_iterator(response))
        await close(response)
        await eventually(net.requests[0].gone.is_set)


@any_transport
async def test_closing_an_answer_unread_is_noticed_by_the_model_server(kind: str) -> None:
    async with network(kind) as net:
        await close(await net.ask("stalls-after:0", stream=True))
        await eventually(net.requests[0].gone.is_set)


@any_transport
async def test_cancelling_before_the_head_is_noticed_by_the_model_server(kind: str) -> None:
    async with network(kind) as net:
        asking = asyncio.create_task(net.ask("mute"))
        await eventually(lambda: net.requests)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await eventually(net.requests[0].gone.is_set)


@any_transport
async def test_closing_after_the_end_is_no_departure(kind: str) -> None:
    async with network(kind) as net:
        await net.fetch()
        assert await net.fetch()
        assert not any(seen.gone.is_set() for seen in net.requests)


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────────────


@any_transport
async def test_a_refused_connection_is_a_connect_error(kind: str) -> None:
    async with network(kind) as net:
        net.make_unreachable()
        with pytest.raises(httpx.ConnectError) as caught:
            await net.ask()
        assert caught.value.request.method == "POST"


@any_transport
@pytest.mark.parametrize("model", ["reset", "hangs-up"])
async def test_breaking_off_before_the_head_is_no_connect_error(kind: str, model: str) -> None:
    async with network(kind) as net:
        with pytest.raises(BROKEN) as caught:
            await net.ask(model)
        assert caught.value.request.method == "POST"


@any_transport
@pytest.mark.parametrize("end", [End.RESET, End.CLOSE])
async def test_breaking_off_in_the_middle_raises_after_everything_that_arrived(kind: str, end: End) -> None:
    async with network(kind) as net:
        net.plan.queue(breaks_after(2, End.STALL), breaks_after(2, end))
        await _expect_break(net, end)


async def _expect_break(net: Network, end: End) -> None:
    body = body_iterator(stalled := await net.ask(stream=True))
    whole = b""
    while whole.count(b"data: ") < 3:
        whole += await anext(body)
    await close(stalled)
    received: list[bytes] = []
    response = await net.ask(stream=True)
    with pytest.raises(BROKEN):
        await _read_into(received, body_iterator(response))
    # A reset may overtake data that is still in the kernel's buffers; an orderly close may not.
    assert b"".join(received) == whole if end is End.CLOSE else whole.startswith(b"".join(received))
    await close(response)


@any_transport
async def test_a_stall_lasts_until_the_caller_leaves(kind: str) -> None:
    async with network(kind) as net:
        response = await net.ask("stalls-after:1", stream=True)
        body = body_iterator(response)
        reading = asyncio.create_task(_read_into([], body))
        await eventually(lambda: net.requests[0].sent_bytes > 0)
        assert not reading.done()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await close(response)
        await eventually(net.requests[0].gone.is_set)


async def _read_into(received: list[bytes], body: AsyncIterator[bytes]) -> None:
    async for chunk in body:
        received.append(chunk)  # noqa: PERF401 (an extension would lose what arrived before a break)
