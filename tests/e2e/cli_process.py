"""The installed command in processes of its own: a gateway that serves, its announcement, its end."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

WITHIN_S = 60.0
"""For a start or an end. Compiling a policy takes a second, on a busy machine several."""

ANNOUNCED = re.compile(r"Tiergate serves (http://\S+/v1) ")


@dataclass(slots=True)
class RunningGateway:
    """A gateway that serves. `said` is what it wrote to standard error until then."""

    process: Process
    base_url: str
    said: str
    errors: "asyncio.Task[str]" = field(repr=False)

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return self.base_url.removesuffix("/v1")

    async def stopped(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send the signal; return the exit code and everything it wrote to standard error."""
        self.process.send_signal(number)
        async with asyncio.timeout(WITHIN_S):
            return await self.process.wait(), self.said + await self.errors

    async def policy(self) -> dict[str, Any]:
        """Ask which policy is in force."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer: dict[str, Any] = (await client.get(f"{self.origin}/admin/policy")).json()
            return answer


async def spawned(*arguments: str) -> Process:
    """Start `python -m gateway` with these arguments, without the settings of whoever runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIERGATE_")}
    environment["TIERGATE_LAME_DUCK_S"] = "0"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *arguments, env=environment, stdout=PIPE, stderr=PIPE, start_new_session=True
    )


async def ended(*arguments: str) -> tuple[int | None, str, str]:
    """Run a command to its end; return exit code, standard output and standard error."""
    process = await spawned(*arguments)
    try:
        async with asyncio.timeout(WITHIN_S):
            output, errors = await process.communicate()
    finally:
        await _killed(process)
    return process.returncode, output.decode(), errors.decode()


@asynccontextmanager
async def serving(*arguments: str) -> AsyncIterator[RunningGateway]:
    """Run `tiergate serve` on a free port, with these arguments more, for as long as the block lasts."""
    process = await spawned("serve", "--port", "0", *arguments)
    tasks: list[asyncio.Task[Any]] = []
    try:
        async with asyncio.timeout(WITHIN_S):
            base_url, said = await _announced(process)
        assert process.stderr is not None
        assert process.stdout is not None
        errors = asyncio.create_task(_text(process.stderr))
        tasks += [errors, asyncio.create_task(_text(process.stdout))]
        yield RunningGateway(process, base_url, said, errors)
    finally:
        await _killed(process)
        await asyncio.gather(*tasks)


async def _announced(process: Process) -> tuple[str, str]:
    assert process.stderr is not None
    said = ""
    while True:
        line = (await process.stderr.readline()).decode()
        said += line
        assert line, f"ended before it served:\n{said}"
        if (found := ANNOUNCED.search(line)) is not None:
            return found[1], said


async def _text(stream: asyncio.StreamReader) -> str:
    return (await stream.read()).decode()


async def _killed(process: Process) -> None:
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
