"""Processes as operators start them: ports, workers, signals, exit codes."""

import asyncio
import os
import signal
import socket
from asyncio.subprocess import Process
from contextlib import AbstractAsyncContextManager

import pytest

from gateway.app.settings import EXIT_CANNOT_START
from tests.support import gateway_process
from tests.support.gateway_process import ENDS_WITHIN_S, ended, port_of
from tests.support.raw_http import answers_in, converse, post
from tests.support.waiting import eventually

SERVICES = "tests.e2e.edge_service"


def started(service: str = "closed", **variables: str) -> AbstractAsyncContextManager[Process]:
    """Start a gateway with one of the services that have no pipeline."""
    return gateway_process.started(f"{SERVICES}:{service}", **variables)


async def worker_of(port: int) -> int:
    """Ask whichever worker takes the connection for its process id."""
    (answer,) = await converse(port, post(b"Content-Length: 0", b"Connection: close"))
    return int(answer.body)


async def workers_of(port: int, count: int) -> set[int]:
    """Ask until so many workers have answered."""
    seen: set[int] = set()
    async with asyncio.timeout(ENDS_WITHIN_S):
        while len(seen) < count:
            try:
                seen.add(await worker_of(port))
            except (ConnectionError, ValueError):
                # The connection went to a worker that was ending.
                continue
    return seen


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
async def test_one_process_serves_and_ends_well_on_a_signal(sent: signal.Signals) -> None:
    async with started() as process:
        port = await port_of(process)
        assert await worker_of(port) == process.pid
        process.send_signal(sent)
        assert (await ended(process))[0] == 0


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_running_request_is_finished_before_the_end(workers: str) -> None:
    async with started(TIERGATE_WORKERS=workers) as process:
        port = await port_of(process)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"Content-Length: 2", b"Expect: 100-continue"))
        await reader.readuntil(b"100 Continue\r\n\r\n")
        process.send_signal(signal.SIGTERM)
        await refused(port)
        writer.write(b"{}")
        async with asyncio.timeout(ENDS_WITHIN_S):
            (answer,) = answers_in(await reader.read())
        assert answer.status == 200
        writer.close()
        assert (await ended(process))[0] == 0


async def test_a_request_that_does_not_end_is_cut_off_after_the_drain_time_and_settles_before_the_stores_close() -> (
    None
):
    async with started("settling", TIERGATE_DRAIN_S="0") as process:
        port = await port_of(process)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"Content-Length: 2", b"Expect: 100-continue"))
        await reader.readuntil(b"100 Continue\r\n\r\n")
        process.send_signal(signal.SIGTERM)
        code, output = await ended(process)
        assert code == 0
        assert output.index("settled") < output.index("closed")
        writer.close()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_second_signal_does_not_wait(workers: str) -> None:
    async with started(TIERGATE_WORKERS=workers) as process:
        port = await port_of(process)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"Content-Length: 2", b"Expect: 100-continue"))
        await reader.readuntil(b"100 Continue\r\n\r\n")
        process.send_signal(signal.SIGTERM)
        await refused(port)
        process.send_signal(signal.SIGTERM)
        assert (await ended(process))[0] == 0
        writer.close()


async def test_workers_share_the_port() -> None:
    async with started("sharing", TIERGATE_WORKERS="2") as process:
        port = await port_of(process)
        pids = await workers_of(port, 2)
        assert process.pid not in pids
        process.send_signal(signal.SIGTERM)
        assert (await ended(process))[0] == 0


async def test_a_worker_that_dies_is_replaced() -> None:
    async with started(TIERGATE_WORKERS="2") as process:
        port = await port_of(process)
        first, second = await workers_of(port, 2)
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(ENDS_WITHIN_S):
            while len(pids := await workers_of(port, 2)) < 2 or first in pids:
                pass
        assert second in pids
        process.send_signal(signal.SIGTERM)
        code, errors = await ended(process)
        assert code == 0
        assert "ended with code -9" in errors


async def test_ctrl_c_reaches_the_whole_group_and_still_lets_requests_finish() -> None:
    async with started(TIERGATE_WORKERS="2") as process:
        port = await port_of(process)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post(b"Content-Length: 2", b"Expect: 100-continue"))
        await reader.readuntil(b"100 Continue\r\n\r\n")
        os.killpg(process.pid, signal.SIGINT)
        await refused(port)
        writer.write(b"{}")
        async with asyncio.timeout(ENDS_WITHIN_S):
            (answer,) = answers_in(await reader.read())
        assert answer.status == 200
        writer.close()
        assert (await ended(process))[0] == 0


async def test_workers_end_when_their_supervisor_is_killed() -> None:
    async with started(TIERGATE_WORKERS="2") as process:
        port = await port_of(process)
        await workers_of(port, 2)
        process.send_signal(signal.SIGKILL)
        await refused(port)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_port_in_use_is_said_so(workers: str) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        async with started(TIERGATE_PORT=port, TIERGATE_WORKERS=workers) as process:
            code, errors = await ended(process)
    assert code == EXIT_CANNOT_START
    assert f"Port {port} of 127.0.0.1 is in use" in errors


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_service_that_cannot_be_built_ends_the_start_with_its_reason(workers: str) -> None:
    async with started("broken", TIERGATE_WORKERS=workers) as process:
        code, errors = await ended(process)
    assert code == EXIT_CANNOT_START
    assert "The policy is no policy." in errors


async def test_a_policy_without_tenants_is_not_served_to_other_machines() -> None:
    async with started("opened", TIERGATE_HOST="0.0.0.0") as process:
        code, errors = await ended(process)
    assert code == EXIT_CANNOT_START
    assert "declares no tenants" in errors
    assert "--host 127.0.0.1" in errors


async def test_a_policy_without_tenants_is_served_to_this_machine() -> None:
    async with started("opened") as process:
        assert await worker_of(await port_of(process)) == process.pid


async def test_an_unknown_host_is_said_so() -> None:
    async with started(TIERGATE_HOST="no-such-host.invalid") as process:
        code, errors = await ended(process)
    assert code == EXIT_CANNOT_START
    assert "no-such-host.invalid" in errors


async def refused(port: int) -> None:
    """Wait until nobody listens any more."""

    def is_refused() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    await eventually(is_refused, ENDS_WITHIN_S)
