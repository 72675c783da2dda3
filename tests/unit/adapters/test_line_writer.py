"""Lines that a thread writes: in order, without anybody waiting, and counted where they are lost."""

from collections.abc import Iterator
from threading import Event

import pytest

from gateway.adapters.line_writer import BATCH_LINES, LineWriter
from tests.support.scarcity import no_more_threads

WITHIN_S = 10.0


class Pipe:
    """Takes what is written; while `room` is not set, a write waits as on a pipe that nobody reads."""

    def __init__(self) -> None:
        self.room = Event()
        self.entered = Event()
        self.taken = b""

    def write(self, data: memoryview) -> int:
        self.entered.set()
        assert self.room.wait(WITHIN_S)
        self.taken += data
        return len(data)


@pytest.fixture
def blocked() -> Iterator[Pipe]:
    """A pipe without room, which has some when the test is over, so that no thread is left."""
    pipe = Pipe()
    yield pipe
    pipe.room.set()


def line(number: int) -> bytes:
    return b"%d\n" % number


def test_lines_are_written_in_order() -> None:
    pipe = Pipe()
    pipe.room.set()
    writer = LineWriter(pipe.write)
    for number in range(3 * BATCH_LINES + 7):
        writer.add(line(number))
        if number % 100 == 0:
            writer.flush()
    writer.close(WITHIN_S)
    assert pipe.taken == b"".join(map(line, range(3 * BATCH_LINES + 7)))
    assert writer.lost == 0


def test_a_batch_is_written_without_being_asked_for(blocked: Pipe) -> None:
    writer = LineWriter(blocked.write)
    for number in range(BATCH_LINES):
        assert not blocked.entered.is_set()
        writer.add(line(number))
    assert blocked.entered.wait(WITHIN_S)


def test_while_nobody_reads_the_oldest_lines_are_dropped_and_counted_and_nobody_waits(blocked: Pipe) -> None:
    writer = LineWriter(blocked.write, lines_max=5)
    writer.add(line(0))
    writer.flush()
    assert blocked.entered.wait(WITHIN_S)
    for number in range(1, 10):
        writer.add(line(number))
        writer.flush()
    assert writer.lost == 4
    blocked.room.set()
    writer.close(WITHIN_S)
    assert blocked.taken == b"".join(map(line, (0, 5, 6, 7, 8, 9)))
    assert writer.lost == 4


def test_the_end_is_not_held_up_by_a_writer_that_hangs(blocked: Pipe) -> None:
    writer = LineWriter(blocked.write)
    writer.add(line(0))
    writer.close(0.01)
    assert blocked.taken == b""


def test_what_is_taken_in_parts_is_written_to_its_end() -> None:
    taken = []

    def write(data: memoryview) -> int:
        taken.append(bytes(data[:3]))
        return len(taken[-1])

    writer = LineWriter(write)
    writer.add(b"a line of some length\n")
    writer.close(WITHIN_S)
    assert b"".join(taken) == b"a line of some length\n"


def _fails() -> int:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("ends", [_fails, lambda: None], ids=["full disk", "somebody's non-blocking pipe"])
def test_lines_that_cannot_be_written_are_counted_and_later_ones_are_tried(ends: object) -> None:
    assert callable(ends)
    calls: list[bytes] = []
    failed = Event()

    def write(data: memoryview) -> int | None:
        calls.append(bytes(data))
        if len(calls) == 1:
            return len(b"one\ntw")
        if len(calls) == 2:
            failed.set()
            answer: int | None = ends()
            return answer
        return len(data)

    writer = LineWriter(write, lines_max=10)
    for text in (b"one\n", b"two\n", b"three\n"):
        writer.add(text)
    writer.flush()
    assert failed.wait(WITHIN_S)
    writer.add(b"four\n")
    writer.close(WITHIN_S)
    assert writer.lost == 2
    assert calls[-1] == b"four\n"


def test_while_no_thread_can_be_had_lines_wait_for_the_next_flush() -> None:
    pipe = Pipe()
    pipe.room.set()
    writer = LineWriter(pipe.write, lines_max=2)
    with no_more_threads():
        for number in range(3):
            writer.add(line(number))
            writer.flush()
    assert (pipe.taken, writer.lost) == (b"", 1)
    writer.flush()
    writer.close(WITHIN_S)
    assert pipe.taken == line(1) + line(2)


def test_nothing_to_write_needs_no_thread() -> None:
    pipe = Pipe()
    writer = LineWriter(pipe.write)
    writer.flush()
    writer.close(WITHIN_S)
    assert not pipe.entered.is_set()
