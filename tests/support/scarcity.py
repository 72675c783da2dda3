"""A process that runs short of what the machine gives it."""

import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LARGE_STACK_BYTES = 256 * 1024 * 1024
"""Larger than any that a thread left behind."""


@contextmanager
def no_more_files() -> Iterator[None]:
    """Let this process open no further file or socket, as one does whose limit is reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    fillers: list[int] = []
    try:
        _fill(fillers)
        yield
    finally:
        for filler in fillers:
            os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def no_more_threads() -> Iterator[None]:
    """Let this process start no further thread, as one does whose memory is spent."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    usual_bytes = threading.stack_size(_LARGE_STACK_BYTES)
    resource.setrlimit(resource.RLIMIT_DATA, (data_bytes(os.getpid()) + _LARGE_STACK_BYTES // 2, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        threading.stack_size(usual_bytes)


def _fill(fillers: list[int]) -> None:
    while True:
        try:
            fillers.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            return


def data_bytes(process_id: int) -> int:
    """Return how much memory of its own a process has: what the kernel holds its RLIMIT_DATA against."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))
