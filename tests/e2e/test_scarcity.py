"""A gateway that runs short of what its machine has, on real processes: requests go on."""

import asyncio
import json
from pathlib import Path

from tests.support.fault_process import FaultProcess
from tests.support.gateway_process import WHOLE, port_of, started
from tests.support.live_policies import scripted_tiers
from tests.support.networks import free_port
from tests.support.raw_http import one_answer, post

LINES = 3_000
"""Over a megabyte of the request log: more than all buffers on its way to a reader take."""


def policy_file(folder: Path, server: FaultProcess) -> str:
    path = folder / "policy.yaml"
    path.write_text(scripted_tiers(server.base_url, (), unreachable_url=f"http://127.0.0.1:{free_port()}/v1"))
    return str(path)


def chat(model: str) -> bytes:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    return post(b"Content-Type: application/json", b"Content-Length: %d" % len(body), body=body)


async def test_requests_go_on_while_nobody_reads_the_request_log(tmp_path: Path, fault_process: FaultProcess) -> None:
    async with started(WHOLE, TIERGATE_POLICY=policy_file(tmp_path, fault_process)) as process:
        port = await port_of(process)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(LINES):
            writer.write(chat("x" * 120))
            assert (await one_answer(reader)).status == 404
        writer.write(chat("ok"))
        assert (await one_answer(reader)).status == 200
        writer.close()
        process.terminate()
        async with asyncio.timeout(20):
            assert await process.wait() == 0
