"""The supervisor with workers that do nothing but end: replaced, given up, stopped."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.adapters.clock import SystemClock
from gateway.app.settings import EXIT_CANNOT_START, read_settings
from gateway.app.supervise import (
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    Supervisor,
    WorkerMain,
    Workplace,
    restart_delay_s,
)


def supervise(main: WorkerMain, notes: Path, workers: int = 1) -> tuple[int, int]:
    """Run a supervisor to its end; return its exit code and how often it said that it serves."""
    serving = 0

    def count() -> None:
        nonlocal serving
        serving += 1

    settings = read_settings({}, {"policy": notes, "workers": workers})
    code = Supervisor(Workplace(settings, "none", 0), main, SystemClock(), count).run()
    return code, serving


def note(place: Workplace) -> int:
    """Leave the worker's number in the file that stands for the policy; return how many there are."""
    with place.settings.policy.open("ab") as file:
        file.write(b"%d" % place.number)
        return file.tell()


def dies_once(place: Workplace, on_ready: Callable[[], None]) -> None:
    """End at the first start after serving; at the second tell the supervisor to stop, and wait for the signal."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    on_ready()
    if note(place) == 1:
        sys.exit(EXIT_CANNOT_START)
    os.kill(os.getppid(), signal.SIGTERM)
    signal.sigwait({signal.SIGTERM})


def never_serves(place: Workplace, on_ready: Callable[[], None]) -> None:
    """End before serving, as with a bad policy."""
    note(place)
    sys.exit(EXIT_CANNOT_START)


def stops_when_all_are_there(place: Workplace, on_ready: Callable[[], None]) -> None:
    """Wait for the signal, which the second sends for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    on_ready()
    if note(place) == 2:
        os.kill(os.getppid(), signal.SIGTERM)
    signal.sigwait({signal.SIGTERM})


def test_a_worker_that_served_is_replaced_whatever_it_ended_with_under_the_same_number(tmp_path: Path) -> None:
    assert supervise(dies_once, tmp_path / "notes") == (0, 1)
    assert (tmp_path / "notes").read_bytes() == b"11"


def test_each_worker_has_a_number_of_its_own(tmp_path: Path) -> None:
    assert supervise(stops_when_all_are_there, tmp_path / "notes", workers=2) == (0, 1)
    assert sorted((tmp_path / "notes").read_bytes()) == [ord("1"), ord("2")]


def test_a_worker_that_cannot_start_is_not_tried_again(tmp_path: Path) -> None:
    assert supervise(never_serves, tmp_path / "notes") == (EXIT_CANNOT_START, 0)
    assert (tmp_path / "notes").read_bytes() == b"1"


def test_signals_are_the_callers_own_again_behind_the_supervisor(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    supervise(never_serves, tmp_path / "notes")
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


@pytest.mark.parametrize(
    ("failures", "delay_s"), [(0, FIRST_DELAY_S), (1, 1.0), (2, 2.0), (6, LONGEST_DELAY_S), (10**9, LONGEST_DELAY_S)]
)
def test_each_failure_in_a_row_doubles_the_wait_up_to_the_longest(failures: int, delay_s: float) -> None:
    assert restart_delay_s(failures) == delay_s
