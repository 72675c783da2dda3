"""A gateway as a process of its own: start it, wait until it serves, see it end."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from gateway.app.serve import serve
from gateway.app.settings import environment, read_settings

ENDS_WITHIN_S = 30.0


@asynccontextmanager
async def started(factory: str, **variables: str) -> AsyncIterator[Process]:
    """Start a gateway on a free port with the service of that factory; kill what is left of it."""
    variables = {**os.environ, "TIERGATE_PORT": "0", **variables}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, factory, env=variables, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def port_of(process: Process) -> int:
    """Return the port once the gateway serves."""
    assert process.stdout is not None
    async with asyncio.timeout(ENDS_WITHIN_S):
        port = urlsplit((await process.stdout.readline()).decode()).port
    assert port is not None, "the gateway ended before it served"
    return port


async def ended(process: Process) -> tuple[int | None, str]:
    """Return the exit code, and what was written to both outputs."""
    async with asyncio.timeout(ENDS_WITHIN_S):
        output, errors = await process.communicate()
    return process.returncode, (output + errors).decode()


def _tell(url: str) -> None:
    sys.stdout.write(url + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(serve(read_settings(environment(), {}), sys.argv[1], announce=_tell))
