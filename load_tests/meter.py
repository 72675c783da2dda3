"""What a process spends: its CPU time, or the instructions that it runs.

CPU time is what is paid for, but the same work takes two or three times as long while others use the machine's caches
and cores. Instructions are the same every time, within a per cent; of the kernel's work they show nothing.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from load_tests import proc
from load_tests.launch import POLL_S, START_LIMIT_S

DUMP_LIMIT_S: Final = 120.0


class NoMeter(RuntimeError):
    """What is needed to count is not installed; says what."""


class Meter(Protocol):
    """Counts what one process spends, whose command it has made its own before."""

    def command(self, command: Sequence[str]) -> list[str]:
        """Return how to start a command so that it is counted."""

    def spent(self, pid: int) -> float:
        """Return what the process spent since this was asked last, in microseconds or thousands of instructions."""


class CpuTime:
    """User and system time of a process and all its children."""

    UNIT = "CPU µs"
    START_LIMIT_S = START_LIMIT_S
    CONNECTIONS_MAX = 64
    WARM_S = 2.0

    def __init__(self, folder: Path) -> None:
        self._until_s = 0.0

    def command(self, command: Sequence[str]) -> list[str]:
        """Return the command as it is."""
        return list(command)

    def spent(self, pid: int) -> float:
        """Return the time since this was asked last, in microseconds."""
        began_s, self._until_s = self._until_s, proc.cpu_s(pid)
        return (self._until_s - began_s) * 1e6


class Instructions:
    """Instructions outside the kernel, by Valgrind's callgrind, under which a process is some fifty times slower."""

    UNIT = "thousands of instructions"
    START_LIMIT_S = 600.0
    """How long a server may take to start."""
    CONNECTIONS_MAX = 4
    """More would wait for so slow a process until they give up."""
    WARM_S = 15.0
    """Functions are specialised by their first calls."""

    def __init__(self, folder: Path) -> None:
        """Count in files below a folder. Raises NoMeter."""
        if not (shutil.which("valgrind") and shutil.which("callgrind_control")):
            raise NoMeter("instructions are counted by valgrind, which is not installed (Debian: apt install valgrind)")
        self._folder = folder

    def command(self, command: Sequence[str]) -> list[str]:
        """Return the command under callgrind."""
        out = f"--callgrind-out-file={self._folder}/callgrind.%p"
        # `env` becomes the command that it starts, and is followed.
        return ["valgrind", "--tool=callgrind", "--trace-children=yes", "-q", out, *command]

    def spent(self, pid: int) -> float:
        """Return the instructions since this was asked last, in thousands."""
        told = ["callgrind_control", "--dump", str(pid)]
        subprocess.run(told, capture_output=True, text=True, timeout=DUMP_LIMIT_S, check=True)
        # Whoever asks for the dump is answered before it is written; the file without a number is for the end.
        give_up_s = time.monotonic() + DUMP_LIMIT_S
        while (count := self._take()) is None:
            if time.monotonic() > give_up_s:
                raise NoMeter(f"callgrind wrote no counts within {DUMP_LIMIT_S:.0f} s")
            time.sleep(POLL_S)
        return count / 1e3

    def _take(self) -> int | None:
        """Return the sum of what was dumped, and remove it; None while there is nothing whole."""
        dumps = list(self._folder.glob("callgrind.*.*"))
        sums = [instructions_in(each.read_text("utf-8", "replace")) for each in dumps]
        whole = [each for each in sums if each is not None]
        if not dumps or len(whole) < len(dumps):
            return None
        for each in dumps:
            each.unlink()
        return sum(whole)


def instructions_in(dump: str) -> int | None:
    """Return the sum that one of callgrind's files ends with; None while it is not written to its end."""
    found = re.search(r"^totals: (\d+)$", dump, re.MULTILINE)
    return int(found.group(1)) if found else None
