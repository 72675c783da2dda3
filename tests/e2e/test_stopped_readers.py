"""Clients that stop reading their streams: what they cost a whole gateway in memory, and that their servers wait."""

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from load_tests import proc
from load_tests.slow_client import Kind
from load_tests.slow_crowd import READER_WINDOW_BYTES, script_of
from tests.support.behaviours import SSE, always
from tests.support.fault_server import FaultServer
from tests.support.gateway_process import running_gateway
from tests.support.scripts import Reply, Send
from tests.support.waiting import eventually, settled

FIRST, MORE = 5, 20
BUFFERED_BYTES_MAX = 256 * 1024
POLICY = """\
version: 1
tiers:
  only: {{model: flood, price: free, context: 128k, ability: {{like: gpt-4o}},
         endpoints: [{{url: "{base_url}"}}]}}
models: {{auto: {{route: all}}}}
routes: {{all: {{dial: 0, cache: {{exact: 24h, max_temperature: 2}}}}}}
"""
"""Every answer may be cached: what is remembered of a stream for that counts, too."""
TOKEN = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
FLOOD = Reply(200, SSE, body=(Send(TOKEN * 80),) * 1_500, chunked=True)
"""Twelve megabytes, written as fast as they are taken: more than the kernels on the way hold."""


async def stop_reading(port: int, number: int) -> socket.socket:
    """Ask for a stream, and read nothing of it."""
    line = socket.socket()
    line.setblocking(False)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READER_WINDOW_BYTES)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(line, ("127.0.0.1", port))
    await loop.sock_sendall(line, script_of(Kind.READER, port, number).at_once)
    return line


async def held_back(server: FaultServer, count: int) -> None:
    """Wait until so many streams were begun, and none is written on."""
    await eventually(lambda: len(server.requests) == count)
    await settled(lambda: sum(seen.sent_bytes for seen in server.requests))


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="reads a process's memory as Linux tells it")
async def test_a_client_that_stops_reading_is_buffered_for_in_a_quarter_of_a_mebibyte(tmp_path: Path) -> None:
    async with FaultServer() as server:
        server.plan.general = always(FLOOD)
        (tmp_path / "policy.yaml").write_text(POLICY.format(base_url=server.base_url))
        with running_gateway(tmp_path / "policy.yaml", tmp_path) as gateway:
            port = httpx.URL(gateway.base_url).port
            assert port is not None
            lines = [await stop_reading(port, number) for number in range(FIRST)]
            await held_back(server, FIRST)
            before_bytes = proc.pss_bytes(gateway.process.pid)
            lines += [await stop_reading(port, number) for number in range(FIRST, FIRST + MORE)]
            await held_back(server, FIRST + MORE)
            grown_bytes = proc.pss_bytes(gateway.process.pid) - before_bytes
            for line in lines:
                line.close()
        assert all(seen.sent_bytes < FLOOD.length_bytes for seen in server.requests), "the model servers wait"
        assert grown_bytes <= BUFFERED_BYTES_MAX * MORE
