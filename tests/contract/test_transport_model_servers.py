"""The transports against a real model server."""

import asyncio
import json

import httpx
import pytest

from gateway.app.demo_models import ModelServer
from gateway.ports import ready_request
from tests.support.networks import SOCKET_TRANSPORTS, chunks_of, make_transport

pytestmark = pytest.mark.servers
over_sockets = pytest.mark.parametrize("kind", SOCKET_TRANSPORTS)


def chat(server: ModelServer, **fields: object) -> httpx.Request:
    body = {"model": server.alias, "messages": [{"role": "user", "content": "hi"}], **fields}
    url = httpx.URL(server.base_url + "/chat/completions")
    return ready_request(url, [(b"content-type", b"application/json")], json.dumps(body).encode())


async def metric(server: ModelServer, name: str) -> float:
    async with httpx.AsyncClient(trust_env=False) as client:
        lines = (await client.get(f"http://127.0.0.1:{server.port}/metrics")).text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"llamacpp:{name} "))


@over_sockets
async def test_real_answers_come_whole_and_streamed(kind: str, nano_server: ModelServer) -> None:
    transport = make_transport(kind)
    whole = await transport.handle_async_request(chat(nano_server, max_tokens=5))
    answer = json.loads(b"".join(await chunks_of(whole)))
    assert answer["usage"]["completion_tokens"] <= 5
    streamed = await transport.handle_async_request(chat(nano_server, max_tokens=200, stream=True))
    assert b"".join(await chunks_of(streamed)).endswith(b"data: [DONE]\n\n")
    await transport.aclose()


@over_sockets
async def test_many_real_streams_at_once_are_kept_apart(kind: str, nano_server: ModelServer) -> None:
    transport = make_transport(kind)

    async def tokens(count: int) -> int:
        request = chat(nano_server, max_tokens=count, stream=True, ignore_eos=True)
        body = b"".join(await chunks_of(await transport.handle_async_request(request)))
        return body.count(b'"content":"')

    counts = list(range(1, 17))
    assert await asyncio.gather(*map(tokens, counts)) == counts
    await transport.aclose()


@over_sockets
async def test_closing_a_real_stream_early_stops_the_model(kind: str, small_server: ModelServer) -> None:
    """The server counts tokens when an answer ends: left alone, this one would end at the context's 4,096."""
    counted = "tokens_predicted_total"
    before = await metric(small_server, counted)
    transport = make_transport(kind)
    request = chat(small_server, max_tokens=100_000, stream=True, ignore_eos=True)
    response = await transport.handle_async_request(request)
    assert isinstance(response.stream, httpx.AsyncByteStream)
    await anext(aiter(response.stream))
    await response.stream.aclose()
    while (after := await metric(small_server, counted)) == before:
        pass
    assert after - before < 2_000
    await transport.aclose()
