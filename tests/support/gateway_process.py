"""A gateway as a process of its own: start it, wait until it serves, see it end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway.app.serve import serve
from gateway.app.settings import environment, read_settings
from tests.support.canaries import leaks

ENDS_WITHIN_S = 30.0
WHOLE = "gateway.app.wiring:make_service"
"""The factory of a gateway with everything in it."""
_LOOK_S = 0.02
_BRIEF = {"TIERGATE_PORT": "0", "TIERGATE_LAME_DUCK_S": "0"}
"""No load balancer is in front of a test, so nothing waits for one."""
_TALKATIVE = {"TIERGATE_LOG_LEVEL": "debug", "TIERGATE_CACHE_SECRET": "canary of a cache's secret"}
_SECRET_FROM = 8
"""A shorter one may be in what is written by chance."""


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """A whole gateway that serves. `base_url` ends with `/v1`; `errors` is the file of its standard error."""

    base_url: str
    process: subprocess.Popen[bytes]
    errors: Path

    @property
    def origin(self) -> str:
        """The address without `/v1`."""
        return self.base_url.removesuffix("/v1")


@contextmanager
def running_gateway(policy: Path, folder: Path, **variables: str) -> Iterator[RunningGateway]:
    """Serve the policy on a free port, with its outputs in files of the folder; end it as an operator would.

    It logs all that it can, and none of its secrets may be in that.
    """
    variables = {**_TALKATIVE, **variables}
    environ = {**os.environ, **_BRIEF, "TIERGATE_DRAIN_S": "1", "TIERGATE_POLICY": str(policy), **variables}
    output, errors = folder / "gateway.out", folder / "gateway.err"
    with output.open("wb") as out, errors.open("wb") as err:
        command = [sys.executable, "-m", __name__, WHOLE]
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=err, start_new_session=True)
    try:
        yield RunningGateway(_announced(process, output, errors), process, errors)
    finally:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    told = {"standard output": output.read_bytes(), "standard error": errors.read_bytes()}
    found = leaks(told, dict(_secrets(variables)))
    assert found == [], f"secrets were written: {found}; see {folder}"


def _secrets(variables: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield the secrets that a gateway was given: keys, those of its own settings, and the passwords in addresses."""
    for name, value in variables.items():
        secret = urlsplit(value).password if "://" in value else value if name.endswith(("_KEY", "_SECRET")) else None
        if secret is not None and len(secret) >= _SECRET_FROM:
            yield name, secret.encode()


def _announced(process: subprocess.Popen[bytes], output: Path, errors: Path) -> str:
    deadline_s = time.monotonic() + ENDS_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline_s:
        url, newline, _ = output.read_text().partition("\n")
        if newline:
            return url
        time.sleep(_LOOK_S)
    raise AssertionError(f"the gateway did not serve:\n{errors.read_text()}")


@asynccontextmanager
async def started(factory: str, **variables: str) -> AsyncIterator[Process]:
    """Start a gateway on a free port with the service of that factory; kill what is left of it."""
    variables = {**os.environ, **_BRIEF, **variables}
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
