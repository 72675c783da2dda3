"""Several worker processes on one port: start them, replace those that end, pass signals on, wait for the last.

    Supervisor
    ├─ _Slot 1 … N    one worker each: process, readiness, when to start it again
    └─ _Bell          signals, made into something that can be waited for together with the processes

The kernel deals connections out among the workers' sockets (SO_REUSEPORT). The parent holds the port with a socket of
its own that does not listen, so that it stays reserved while workers are replaced.
"""

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType, TracebackType

from gateway.app.events import LogEvent, marked
from gateway.app.settings import EXIT_CANNOT_START, Settings
from gateway.ports import Clock

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
STEADY_AFTER_S = 30.0
"""A worker that lived for so long was sound: its end begins a new count of failures."""

KILL_MARGIN_S = 5.0
"""Beyond its lame-duck time and the time to drain, for what a worker does after its last request."""

log = logging.getLogger("tiergate")

_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a worker is told. `factory` names what builds the service, as `module:attribute`.

    `number` tells it from the others, 1 and up: a worker that takes another's place takes its number, too.
    """

    settings: Settings
    factory: str
    port: int
    number: int = 0


WorkerMain = Callable[[Workplace, Callable[[], None]], None]
"""Runs a worker to its end; a function of a module, since the worker imports it. Calls its second argument when it
serves."""


def restart_delay_s(failures: int) -> float:
    """Return how long to wait before a worker is started that has failed so many times in a row."""
    return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures, 16))


def _work(main: WorkerMain, place: Workplace, ready: Connection) -> None:
    main(place, lambda: ready.send_bytes(b"1"))


@dataclass(slots=True)
class _Slot:
    """A worker's place. `start_at_s` counts while `process` is None."""

    number: int
    process: SpawnProcess | None = None
    ready: Connection | None = None
    started_s: float = 0.0
    start_at_s: float = 0.0
    failures: int = 0


class _Bell:
    """SIGTERM and SIGINT, rung into a pipe for as long as the context lasts."""

    def __init__(self) -> None:
        self._before: dict[int, object] = {}
        self.fd, self._push = os.pipe()

    def __enter__(self) -> "_Bell":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._ring)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        os.close(self.fd)
        os.close(self._push)

    def rung(self) -> list[signal.Signals]:
        """Take the signals out of the pipe, in the order they came."""
        return [signal.Signals(number) for number in os.read(self.fd, 64)]

    def _ring(self, number: int, frame: FrameType | None) -> None:
        os.write(self._push, bytes((number,)))


@dataclass(slots=True)
class Supervisor:
    """Keeps the workers running until a signal."""

    place: Workplace
    main: WorkerMain
    clock: Clock
    on_serving: Callable[[], None]
    """Called when the first worker serves."""
    _slots: list[_Slot] = field(default_factory=list)
    _has_served: bool = False
    _stopping: bool = False
    _kill_at_s: float = 0.0
    _exit_code: int = 0

    def run(self) -> int:
        """Return the exit code: 0 after a signal, a worker's own when none ever came to serve."""
        self._slots = [_Slot(number) for number in range(1, self.place.settings.workers + 1)]
        with _Bell() as bell:
            while True:
                self._start_due()
                if self._stopping and not self._live():
                    return self._exit_code
                self._wait(bell)

    def _live(self) -> list[_Slot]:
        return [slot for slot in self._slots if slot.process is not None]

    def _start_due(self) -> None:
        now_s = self.clock.now_s()
        for slot in self._slots:
            if slot.process is None and not self._stopping and slot.start_at_s <= now_s:
                slot.ready, theirs = _SPAWN.Pipe(duplex=False)
                slot.process = _SPAWN.Process(
                    target=_work,
                    args=(self.main, replace(self.place, number=slot.number), theirs),
                    name=f"tiergate-worker-{slot.number}",
                )
                slot.started_s = now_s
                slot.process.start()
                theirs.close()

    def _wait(self, bell: _Bell) -> None:
        by_sentinel = {slot.process.sentinel: slot for slot in self._slots if slot.process is not None}
        by_pipe = {slot.ready: slot for slot in self._slots if slot.ready is not None}
        happened = wait([bell.fd, *by_sentinel, *by_pipe], self._timeout_s())
        for each in happened:
            if each == bell.fd:
                for number in bell.rung():
                    if number is signal.SIGINT:
                        # To a worker that has a supervisor it means: without a lame-duck time.
                        self._send(signal.SIGINT)
                    self._stop(signal.SIGTERM)
            elif isinstance(each, Connection):
                self._note_ready(by_pipe[each])
        for each in happened:
            if isinstance(each, int) and each in by_sentinel:
                self._note_end(by_sentinel[each])
        if self._stopping and self.clock.now_s() >= self._kill_at_s:
            self._stop(signal.SIGKILL)

    def _timeout_s(self) -> float | None:
        now_s = self.clock.now_s()
        if self._stopping:
            return max(0.0, self._kill_at_s - now_s)
        due = [slot.start_at_s for slot in self._slots if slot.process is None]
        return max(0.0, min(due) - now_s) if due else None

    def _stop(self, number: signal.Signals) -> None:
        if not self._stopping:
            self._stopping = True
            settings = self.place.settings
            self._kill_at_s = self.clock.now_s() + settings.lame_duck_s + settings.drain_s + KILL_MARGIN_S
        self._send(number)

    def _send(self, number: signal.Signals) -> None:
        for slot in self._live():
            if slot.process is not None and slot.process.pid is not None:
                os.kill(slot.process.pid, number)

    def _note_ready(self, slot: _Slot) -> None:
        """Read the worker's one message; its end closes the pipe, which reads as nothing."""
        if slot.ready is None:
            return
        try:
            slot.ready.recv_bytes()
            if not self._has_served:
                self._has_served = True
                self.on_serving()
        except EOFError:
            pass
        slot.ready.close()
        slot.ready = None

    def _note_end(self, slot: _Slot) -> None:
        process = slot.process
        if process is None:
            return
        process.join()
        code = process.exitcode
        if slot.ready is not None and slot.ready.poll():
            self._note_ready(slot)
        process.close()
        slot.process = None
        if self._stopping:
            return
        if code == EXIT_CANNOT_START and not self._has_served:
            # Settings, policy or artefacts are at fault: another try would end the same way.
            self._exit_code = code
            self._stop(signal.SIGTERM)
            return
        now_s = self.clock.now_s()
        slot.failures = 0 if now_s - slot.started_s >= STEADY_AFTER_S else slot.failures
        slot.start_at_s = now_s + restart_delay_s(slot.failures)
        slot.failures += 1
        facts = marked(LogEvent.WORKER_ENDED, count=slot.failures, exit_code=-1 if code is None else code)
        log.error("Worker %d ended with code %s; it is started again.", slot.number, code, extra=facts)
