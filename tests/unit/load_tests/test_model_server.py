"""What the simulated model server answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from load_tests.answers import MARKER
from load_tests.simulation import Behaviour
from tests.support.waiting import eventually
from tests.unit.load_tests.serving import Served, serving


@asynccontextmanager
async def _client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", trust_env=False) as client:
        yield client


async def test_a_plain_answer_is_openai_shaped_and_of_the_stated_size() -> None:
    async with serving(Behaviour(model="m")) as served, _client(served) as client:
        response = await client.post("/v1/chat/completions", json={"model": "m", "messages": []})
    answer = response.json()
    assert answer["choices"][0]["message"]["content"].startswith(MARKER)
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    assert 700 <= len(response.content) <= 800


async def test_a_stream_has_its_chunks_usage_when_asked_for_and_an_end() -> None:
    async with serving(Behaviour(chunks=3)) as served, _client(served) as client:
        body = {"stream": True, "stream_options": {"include_usage": True}}
        asked = (await client.post("/v1/chat/completions", json=body)).text.strip().split("\n\n")
        unasked = (await client.post("/v1/chat/completions", json={"stream": True})).text.strip().split("\n\n")
    assert asked[-1] == unasked[-1] == "data: [DONE]"
    assert json.loads(asked[-2].removeprefix("data: "))["usage"]["completion_tokens"] == 3
    assert len(asked) == len(unasked) + 1
    assert sum("@" in event for event in asked) == 3
    assert served.stats.chunks == 6


async def test_a_body_may_set_its_own_stream() -> None:
    async with serving(Behaviour(obey_body=True, chunk_delay_s=60.0)) as served, _client(served) as client:
        text = (await client.post("/v1/completions", json={"stream": True, "max_tokens": 7, "seed": 1000})).text
    assert text.count("@") == 7


async def test_every_nth_request_fails_when_asked_to() -> None:
    async with serving(Behaviour(fail_every=3)) as served, _client(served) as client:
        statuses = [(await client.post("/v1/chat/completions", json={})).status_code for _ in range(6)]
    assert statuses == [200, 200, 503, 200, 200, 503]
    assert served.stats.faults == 2


async def test_other_paths_answer_health_models_stats_and_not_found() -> None:
    async with serving(Behaviour(model="m")) as served, _client(served) as client:
        health = (await client.get("/health")).json()
        models = (await client.get("/v1/models")).json()
        stats = (await client.get("/stats")).json()
        missing = await client.post("/v1/images", json={})
    assert health["status"] == "ok"
    assert models["data"][0]["id"] == "m"
    assert stats["requests"] == 0
    assert missing.status_code == 404


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with serving(Behaviour(first_byte_delay_s=0.001, chunks=2)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        stream, plain = b'{"stream": true}', b"{}"
        for body in (stream, plain, plain):
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        text = b""
        while text.count(MARKER.encode()) < 2:
            text += await reader.read(65_536)
        writer.close()
    assert text.index(b"[DONE]") < text.index(MARKER.encode())
    assert served.stats.requests == 3


async def test_a_slow_reader_holds_the_stream_back_and_gets_all_of_it() -> None:
    async with serving(Behaviour(chunks=40_000)) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
        writer.write(b'POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 15\r\n\r\n{"stream":true}')
        seen = -1

        def stands_still() -> bool:
            nonlocal seen
            before, seen = seen, served.stats.chunks
            return before == seen > 0

        await eventually(stands_still)
        assert served.stats.chunks < 40_000
        text = b""
        while not text.endswith(b"0\r\n\r\n"):
            text = text[-5:] + await reader.read(1 << 20)
        writer.close()
    assert served.stats.chunks == 40_000


async def test_a_client_that_leaves_ends_its_stream() -> None:
    async with serving(Behaviour(chunks=10, chunk_delay_s=60.0)) as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b'POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 15\r\n\r\n{"stream":true}')
        await eventually(lambda: served.stats.chunks == 1)
        writer.close()
        await eventually(lambda: served.stats.unfinished == 1)


async def test_what_is_not_http_closes_the_connection() -> None:
    async with serving(Behaviour()) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"\x16\x03\x01 not http\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
