"""Starts a process on one core, waits until it answers rightly, and stops all of it."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

START_LIMIT_S = 90.0
"""The slowest gateway of the comparison needs 16 s on an idle core."""
STOP_LIMIT_S = 5.0
POLL_S = 0.02


class DidNotStart(RuntimeError):
    """A process ended, or did not answer rightly in time. Says what it last wrote."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A request whose right answer shows that a server is up."""

    port: int
    body: bytes
    marker: bytes
    path: str = "/v1/chat/completions"
    headers: dict[str, str] = field(default_factory=dict)

    def succeeds(self) -> bool:
        """Ask once."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", self.path, self.body, {"content-type": "application/json", **self.headers})
            response = connection.getresponse()
            return response.status == 200 and self.marker in response.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def free_port() -> int:
    """Return a loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Let this thread, and what it starts meanwhile, run on that core alone; None leaves it where it may be."""
    if core is None:
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def running(
    command: Sequence[str], core: int | None, log: Path, probe: Probe, *, within_s: float = START_LIMIT_S
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command until the end of the block, from the moment it answers the probe. Raises DidNotStart."""
    with log.open("wb") as output, on_core(core):
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        _wait_until_up(process, log, probe, within_s)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the process and all it started: asked first, then killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_LIMIT_S)


def _wait_until_up(process: subprocess.Popen[bytes], log: Path, probe: Probe, within_s: float) -> None:
    give_up_s = time.monotonic() + within_s
    while not probe.succeeds():
        if process.poll() is not None:
            raise DidNotStart(f"it ended with status {process.returncode}; it last said:\n{_tail(log)}")
        if time.monotonic() > give_up_s:
            raise DidNotStart(f"no right answer within {within_s:.0f} s; it last said:\n{_tail(log)}")
        time.sleep(POLL_S)


def _tail(log: Path, lines: int = 12) -> str:
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
