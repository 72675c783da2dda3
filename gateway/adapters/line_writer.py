"""Lines on their way to a file that may not take them: whoever writes one never waits.

A pipe that nobody reads blocks its writer once it is full, and the event loop with it. So a thread writes, in batches,
and lines wait in a bounded queue, of which the oldest are dropped and counted.
"""

from collections import deque
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Final

LINES_MAX: Final = 10_000
"""Some six megabytes of the request log; as much again may be with the thread."""
BATCH_LINES: Final = 400
"""What is written without waiting for `flush`: a write for each line would cost 6 µs a request."""


class LineWriter:
    """Writes lines through `write`, which may block and may raise OSError, and returns how many bytes it took.

    A line costs 0.2 µs more than in a buffered writer, the thread's share counted. Any thread may call.
    """

    def __init__(self, write: Callable[[memoryview], int | None], *, lines_max: int = LINES_MAX) -> None:
        self._write = write
        self._lines_max = lines_max
        self._waiting: deque[bytes] = deque()
        self._lock = Lock()
        self._wanted = Event()
        self._thread: Thread | None = None
        self._is_closed = False
        self._dropped = 0
        self._failed = 0

    @property
    def lost(self) -> int:
        """Lines that found no room, or that could not be written."""
        return self._dropped + self._failed

    def add(self, line: bytes) -> None:
        """Queue a line, which ends with its only line break."""
        with self._lock:
            if len(self._waiting) == self._lines_max:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(line)
            is_batch = len(self._waiting) == BATCH_LINES
        if is_batch:
            self.flush()

    def flush(self) -> None:
        """Have what waits written soon. Call it now and then, so that few lines do not wait for others."""
        with self._lock:
            is_on_its_way = bool(self._waiting) and self._has_thread()
        if is_on_its_way:
            self._wanted.set()

    def close(self, within_s: float) -> None:
        """Write what waits, and give up on it after that time. Blocks; what is added afterwards starts anew."""
        self.flush()
        self._is_closed = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(within_s)

    def _has_thread(self) -> bool:
        """Start the thread if need be. While none can be had, for want of memory, lines wait and the oldest go."""
        if self._thread is None or not self._thread.is_alive():
            self._is_closed = False
            # A daemon: one that hangs in a write does not keep the process from ending.
            thread = Thread(target=self._run, name="tiergate-lines", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        is_last = False
        while not is_last:
            self._wanted.wait()
            self._wanted.clear()
            is_last = self._is_closed
            with self._lock:
                lines, self._waiting = self._waiting, deque()
            self._write_all(memoryview(b"".join(lines)))

    def _write_all(self, rest: memoryview) -> None:
        try:
            while rest:
                rest = rest[self._write_some(rest) :]
        except OSError:
            self._failed += bytes(rest).count(b"\n")

    def _write_some(self, rest: memoryview) -> int:
        taken = self._write(rest)
        if taken is None:
            raise BlockingIOError("somebody made the file non-blocking, and it is full")
        return taken
