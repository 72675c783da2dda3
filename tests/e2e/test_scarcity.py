"""A gateway that runs short of what its machine has, on real processes: requests go on."""

import asyncio
import json
import os
import resource
from pathlib import Path

from tests.support.fault_process import FaultProcess
from tests.support.gateway_process import WHOLE, port_of, started
from tests.support.live_policies import scripted_tiers
from tests.support.networks import free_port
from tests.support.raw_http import one_answer, post
from tests.support.scarcity import data_bytes
from tests.support.waiting import answered, eventually

LINES = 2_000
"""Most of a megabyte of the request log: more than all buffers on its way to a reader take."""
SPARE_BYTES = 32 * 1024 * 1024
LARGE_BYTES = 7_000_000
"""A dozen of these at once ask for several times what is spare."""


def policy_file(folder: Path, server: FaultProcess) -> str:
    path = folder / "policy.yaml"
    path.write_text(scripted_tiers(server.base_url, (), unreachable_url=f"http://127.0.0.1:{free_port()}/v1"))
    return str(path)


def chat(model: str, said: str = "hi") -> bytes:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": said}]}).encode()
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


async def answer_of(port: int, request: bytes) -> int | None:
    """Ask on a connection of its own; return the status, or None where the connection ended without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return (await one_answer(reader)).status
    except (ConnectionError, asyncio.IncompleteReadError):
        return None
    finally:
        writer.close()


async def test_at_its_limit_of_files_a_gateway_serves_who_is_connected_and_lets_no_other_wait(
    tmp_path: Path, fault_process: FaultProcess
) -> None:
    async with started(WHOLE, TIERGATE_POLICY=policy_file(tmp_path, fault_process)) as process:
        port = await port_of(process)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def ask(model: str) -> bytes:
            writer.write(chat(model))
            return (await one_answer(reader)).body

        assert b"Paris" in await ask("ok")
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (256, 256))
        room = 256 - len(os.listdir(f"/proc/{process.pid}/fd"))
        others = [await asyncio.open_connection("127.0.0.1", port) for _ in range(room + 40)]
        # Whoever is accepted in vain is closed: one that was left in the kernel's queue would wake the loop for ever.
        await eventually(lambda: sum(one.at_eof() for one, _ in others) >= 40)
        assert b"Paris" in await ask("ok"), "its server has a connection that is kept"
        for _ in range(5):
            assert b"too many files open" in await ask("unreachable")
        for _, other in others:
            other.close()
        await eventually(lambda: len(os.listdir(f"/proc/{process.pid}/fd")) < 64)
        assert await answer_of(port, chat("ok")) == 200
        assert b"refused" in await ask("unreachable"), "it was not ejected for what was our own lack"
        writer.close()


async def test_for_want_of_memory_single_requests_fail_and_the_others_go_on(
    tmp_path: Path, fault_process: FaultProcess
) -> None:
    async with started(WHOLE, TIERGATE_POLICY=policy_file(tmp_path, fault_process)) as process:
        port = await port_of(process)
        assert await answer_of(port, chat("ok")) == 200
        most_bytes = data_bytes(process.pid) + SPARE_BYTES
        before = resource.prlimit(process.pid, resource.RLIMIT_DATA)
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (most_bytes, before[1]))
        large = chat("ok", "x" * LARGE_BYTES)
        answers = await asyncio.gather(*[answer_of(port, large) for _ in range(12)])
        assert any(status != 200 for status in answers), "memory was short"
        # Until the last of them has let go of its memory, a small one may fail too.
        await answered(lambda: answer_of(port, chat("ok")), lambda status: status == 200)
        assert [await answer_of(port, chat("ok")) for _ in range(5)] == [200] * 5
        # The interpreter itself starts a thread to end, which may want more than is left.
        resource.prlimit(process.pid, resource.RLIMIT_DATA, before)
        process.terminate()
        async with asyncio.timeout(20):
            assert await process.wait() == 0
