"""Processes that are killed, frozen, ended and started again: model servers, gateways.

Each runs in the process group of whoever started it, so that one kill of the group leaves nobody behind.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from load_tests.proc import process_tree
from tests.support.gateway_process import WHOLE

STARTS_WITHIN_S = 180.0
ENDS_WITHIN_S = 10.0
LOOK_S = 0.02
ASKED_WITHIN_S = 2.0
LOG_TAIL_CHARS = 2_000
_LISTENS = "0A"
_WORKER = b"spawn_main"
"""Stands in the command line of a worker, and not in that of its supervisor's other child."""


class DidNotCome(AssertionError):
    """A process did not come to serve. Says what it last wrote."""


class Actor:
    """One process with a port, and what can be done to it. It is `down` until it is started."""

    def __init__(
        self, name: str, port: int, command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.port = port
        self.health = "/health"
        self.log = folder / f"{name}.log"
        self._command = [sys.executable, *command]
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; there is none before the start."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Tell whether the process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended; negative for the signal that ended it."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it, with its output behind what is in the log. Returns at once."""
        assert not self.is_running, f"{self.name} runs already"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, env=self._env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    async def ready(self, within_s: float = STARTS_WITHIN_S) -> None:
        """Return once it answers its health check. Raises DidNotCome."""
        deadline_s = time.monotonic() + within_s
        while not await self.is_healthy():
            if not self.is_running or time.monotonic() > deadline_s:
                tail = self.log.read_text(errors="replace")[-LOG_TAIL_CHARS:]
                raise DidNotCome(f"{self.name} does not serve (exit code {self.exit_code}):\n{tail}")
            await asyncio.sleep(LOOK_S)

    async def is_healthy(self) -> bool:
        """Ask its health check once."""
        try:
            return await status_of(self.port, self.health) == 200
        except (OSError, TimeoutError, ValueError):
            return False

    def kill(self) -> None:
        """End it without a goodbye, frozen or not, and wait until the system has let go of its connections."""
        assert self._process is not None, "not started"
        self._process.kill()
        self._process.wait(ENDS_WITHIN_S)

    def freeze(self) -> None:
        """Stop it as a hung machine would: connections stay, nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def terminate(self) -> None:
        """Ask it to end. Returns at once."""
        os.kill(self.pid, signal.SIGTERM)

    async def ended(self, within_s: float) -> None:
        """Return once it has ended. Raises AssertionError when it has not in time."""
        deadline_s = time.monotonic() + within_s
        while self.is_running:
            assert time.monotonic() < deadline_s, f"{self.name} still runs {within_s} s after it was told to end"
            await asyncio.sleep(LOOK_S)

    def end(self) -> None:
        """End it in order, or else by force."""
        if not self.is_running:
            return
        with suppress(ProcessLookupError):
            self.thaw()
            self.terminate()
        try:
            assert self._process is not None, "it runs"
            self._process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()


class GatewayActor(Actor):
    """A whole gateway, with its workers."""

    def __init__(
        self, name: str, port: int, policy: Path, folder: Path, *, workers: int, variables: Mapping[str, str]
    ) -> None:
        env = {"TIERGATE_PORT": str(port), "TIERGATE_POLICY": str(policy), "TIERGATE_WORKERS": str(workers)}
        super().__init__(name, port, ["-m", "tests.support.gateway_process", WHOLE], folder, {**env, **variables})
        self.health = "/health/ready"
        self._worker_count = workers

    @property
    def base_url(self) -> str:
        """What a client is told. It ends with `/v1`."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def is_healthy(self) -> bool:
        """Ask its health check once; healthy it is when all its workers listen."""
        return self.serving() == self._worker_count and await super().is_healthy()

    def workers(self) -> list[int]:
        """Return the process ids of the workers; the gateway's own when it has no others."""
        tree = [stat.pid for stat in process_tree(self.pid) if _command_line(stat.pid).count(_WORKER)]
        return tree or [self.pid]

    def serving(self) -> int:
        """Count the workers that listen: each has a socket of its own on the port."""
        return listeners(self.port)

    def kill(self) -> None:
        """End it and its workers without a goodbye."""
        for pid in self.workers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        super().kill()

    def end(self) -> None:
        """End it, frozen workers included, in order and without a lame duck's patience, or else by force."""
        if self.is_running:
            for pid in self.workers():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            self.terminate()
        super().end()


def llama_server(name: str, port: int, model: Path, alias: str, folder: Path) -> Actor:
    """A real llama.cpp server for that model."""
    command = ["-m", "gateway.app.demo_server", str(model), "--port", str(port), "--alias", alias]
    return Actor(name, port, command, folder)


@contextmanager
def on_stage(*actors: Actor) -> Iterator[None]:
    """Start the actors, wait until all serve, and end them behind the block."""
    try:
        for actor in actors:
            actor.start()
        asyncio.run(_all_ready(actors))
        yield
    finally:
        for actor in reversed(actors):
            actor.end()


async def _all_ready(actors: Sequence[Actor]) -> None:
    await asyncio.gather(*(actor.ready() for actor in actors))


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        # It has ended since it was listed.
        return b""


def listeners(port: int) -> int:
    """Count the sockets that listen on a port of IPv4, by the system's own table."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(row[3] == _LISTENS and int(row[1].rpartition(":")[2], 16) == port for row in rows)


async def status_of(port: int, path: str) -> int:
    """Ask for a path and return the status. Raises OSError, TimeoutError and, for what is no HTTP, ValueError."""
    async with asyncio.timeout(ASKED_WITHIN_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            line = await reader.readline()
        finally:
            writer.close()
    return int(line.split()[1]) if len(line.split()) > 1 else 0
