"""A gateway process that is told to stop: who is served, who is refused, and what those hear who are broken off."""

import asyncio
import json
import signal
from asyncio import StreamReader
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_reload import policy
from tests.e2e.test_serve import refused
from tests.support.behaviours import SSE
from tests.support.fault_server import FaultServer
from tests.support.gateway_process import ENDS_WITHIN_S, WHOLE, ended, port_of, started
from tests.support.openai_bodies import Words, chat_events
from tests.support.raw_http import Answer, answers_in, one_answer, post
from tests.support.scripts import Hold, Reply, Script, SeenRequest, Send, Step
from tests.support.waiting import eventually

SAID = Words(pieces=("before", " and", " after"))
CHAT: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}
STREAMS = 40
"""Under way at once, over two workers. With twenty late requests that is less than one key may have under way in one of
them, should it get them all."""
GET_READY = b"GET /health/ready HTTP/1.1\r\nHost: gateway\r\n\r\n"


def chat(*, stream: bool) -> bytes:
    body = json.dumps({**CHAT, "stream": stream}).encode()
    return post(b"Content-Type: application/json", b"Content-Length: %d" % len(body), body=body)


@dataclass(slots=True)
class Running:
    """A gateway, and a model server whose streams pause after their first word until `rest` is set."""

    process: Process
    port: int
    server: FaultServer
    rest: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self) -> StreamReader:
        """Open a connection, which stays open until the test ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        return reader

    async def ask(self, *, stream: bool) -> StreamReader:
        """Send a chat on a connection of its own."""
        reader = await self.connect()
        self.writers[-1].write(chat(stream=stream))
        return reader

    async def begin_stream(self) -> StreamReader:
        """Ask for a stream and read its first word."""
        reader = await self.ask(stream=True)
        async with asyncio.timeout(ENDS_WITHIN_S):
            await reader.readuntil(b'"before"')
        return reader

    def paused(self, request: SeenRequest) -> Script:
        """Say the first word, and the others once `rest` is set; answer at once what is not streamed."""
        role, first, *others = chat_events(SAID, usage=True, done=True)
        if not request.json.get("stream"):
            return Reply(200, ((b"content-type", b"application/json"),), body=(Send(WHOLE_ANSWER),))
        steps: tuple[Step, ...] = (Send(role), Send(first), Hold(self.rest), *(Send(event) for event in others))
        return Reply(200, SSE, body=steps, chunked=True)


WHOLE_ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "old",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()


@asynccontextmanager
async def running(folder: Path, **variables: str) -> AsyncIterator[Running]:
    """Serve one tier from a scripted server in this loop."""
    async with FaultServer() as server:
        file = folder / "policy.yaml"
        file.write_text(policy(server.base_url, "old"))
        async with started(WHOLE, TIERGATE_POLICY=str(file), **variables) as process:
            run = Running(process, await port_of(process), server)
            server.plan.general = run.paused
            try:
                yield run
            finally:
                for writer in run.writers:
                    writer.close()
                run.rest.set()


async def rest_of(reader: StreamReader) -> bytes:
    """Read what is left of a stream, to the connection's end."""
    async with asyncio.timeout(ENDS_WITHIN_S):
        return await reader.read()


async def readiness(run: Running) -> Answer:
    """Ask on a new connection whether the gateway is ready."""
    reader = await run.connect()
    run.writers[-1].write(GET_READY)
    return await one_answer(reader)


async def until_not_ready(run: Running) -> None:
    async with asyncio.timeout(ENDS_WITHIN_S):
        while (await readiness(run)).status != 503:
            pass


def told_in_band(rest: bytes) -> dict[str, Any]:
    """Return the error that a broken-off stream ends with."""
    assert b"[DONE]" not in rest
    last = rest.rpartition(b"data: ")[2].partition(b"\n")[0]
    error: dict[str, Any] = json.loads(last)["error"]
    return error


async def test_a_lame_duck_is_not_ready_and_yet_serves_each_connection_once_more(tmp_path: Path) -> None:
    async with running(tmp_path, TIERGATE_LAME_DUCK_S="60") as run:
        stream = await run.begin_stream()
        run.process.send_signal(signal.SIGTERM)
        await until_not_ready(run)
        answer = await rest_of(await run.ask(stream=False))
        (whole,) = answers_in(answer)
        assert (whole.status, whole.headers[b"connection"]) == (200, b"close")
        run.rest.set()
        assert b"data: [DONE]" in await rest_of(stream), "a stream under way goes on, and is its connection's last"
        run.process.send_signal(signal.SIGTERM)
        assert (await ended(run.process))[0] == 0


async def test_after_the_lame_duck_time_an_open_connection_is_refused_in_words_and_streams_end_whole(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as run:
        idle = await run.connect()
        idle_writer = run.writers[-1]
        idle_writer.write(GET_READY)
        assert (await one_answer(idle)).status == 200
        stream = await run.begin_stream()
        run.process.send_signal(signal.SIGTERM)
        await refused(run.port)
        idle_writer.write(chat(stream=False))
        (answer,) = answers_in(await rest_of(idle))
        assert (answer.status, answer.code) == (503, "draining")
        assert (answer.headers[b"connection"], answer.headers[b"retry-after"]) == (b"close", b"1")
        run.rest.set()
        assert b"data: [DONE]" in await rest_of(stream)
        assert (await ended(run.process))[0] == 0


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_at_the_drain_limit_streams_are_told_in_band_and_waiting_requests_by_a_503(
    tmp_path: Path, workers: str
) -> None:
    async with running(tmp_path, TIERGATE_DRAIN_S="0", TIERGATE_WORKERS=workers) as run:
        streams = [await run.begin_stream() for _ in range(4)]
        run.server.plan.general = lambda _: Reply(200, SSE, body=(Hold(run.rest),), chunked=True)
        waiting = await run.ask(stream=True)
        await eventually(lambda: len(run.server.requests) == 5)
        run.process.send_signal(signal.SIGTERM)
        for stream in streams:
            error = told_in_band(await rest_of(stream))
            assert error["code"] == "draining"
            assert error["message"].startswith("The answer is incomplete")
        (answer,) = answers_in(await rest_of(waiting))
        assert (answer.status, answer.code) == (503, "draining")
        code, output = await ended(run.process)
        assert code == 0
        lines = [json.loads(line) for line in output.splitlines() if line.startswith('{"event":"request"')]
        assert sorted(line["outcome"] for line in lines) == ["shed"] + ["stream_truncated"] * 4
        await eventually(lambda: all(seen.gone.is_set() for seen in run.server.requests))


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_second_signal_breaks_off_at_once_and_says_so(tmp_path: Path, workers: str) -> None:
    async with running(tmp_path, TIERGATE_LAME_DUCK_S="60", TIERGATE_WORKERS=workers) as run:
        stream = await run.begin_stream()
        run.process.send_signal(signal.SIGTERM)
        await until_not_ready(run)
        run.process.send_signal(signal.SIGTERM)
        assert told_in_band(await rest_of(stream))["code"] == "draining"
        assert (await ended(run.process))[0] == 0


async def test_ctrl_c_skips_the_lame_duck_time_of_every_worker(tmp_path: Path) -> None:
    async with running(tmp_path, TIERGATE_LAME_DUCK_S="600", TIERGATE_WORKERS="2") as run:
        assert (await readiness(run)).status == 200
        run.process.send_signal(signal.SIGINT)
        assert (await ended(run.process))[0] == 0


async def test_a_client_that_does_not_read_keeps_nobody_from_ending(tmp_path: Path) -> None:
    async with running(tmp_path, TIERGATE_DRAIN_S="0") as run:
        flood = b"data: " + b"x" * 65_536 + b"\n\n"
        head = chat_events(SAID, usage=True, done=True)[:2]
        steps = (*(Send(event) for event in head), *(Send(flood) for _ in range(400)))
        run.server.plan.general = lambda _: Reply(200, SSE, body=steps, chunked=True)
        deaf = await run.ask(stream=True)
        run.writers[-1].transport.pause_reading()  # type: ignore[attr-defined]
        await eventually(lambda: run.server.requests and run.server.requests[0].sent_bytes > 1_000_000)
        run.process.send_signal(signal.SIGTERM)
        assert (await ended(run.process))[0] == 0
        assert not deaf.at_eof()


async def test_of_many_streams_over_two_workers_none_is_cut_and_no_connection_is_refused_before_its_time(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, TIERGATE_LAME_DUCK_S="2", TIERGATE_WORKERS="2") as run:
        streams = [await run.begin_stream() for _ in range(STREAMS)]
        run.process.send_signal(signal.SIGTERM)
        await until_not_ready(run)
        late = [await run.ask(stream=False) for _ in range(20)]
        assert [(await one_answer(reader)).status for reader in late] == [200] * 20
        await refused(run.port)
        run.rest.set()
        for stream in streams:
            rest = await rest_of(stream)
            assert b"after" in rest
            assert b"data: [DONE]" in rest
        assert (await ended(run.process))[0] == 0
