"""A server that scores requests: what becomes of a question when it is late, full, gone, or serves something else."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from gateway.adapters.remote_asking import RemoteAsking, RemoteLimits
from gateway.adapters.remote_trouble import BadAnswer, Misfit, Overloaded, RemoteTrouble, TooLate, Unreachable
from gateway.domain.ability import ClassifierOutcome
from tests.support.clocks import ManualClock
from tests.support.waiting import eventually

IN_NO_TIME_S = 0.001
LONG_S = 30.0
SERVED = "the model"


@dataclass(slots=True)
class Server:
    """Answers, or has trouble; stalls where it is told to. Trouble in a look is that of a question."""

    trouble: RemoteTrouble | Misfit | None = None
    stalls: bool = False
    asked: list[str] = field(default_factory=list)
    looks: int = 0
    cancelled: int = 0

    async def look(self, timeout_s: float) -> str:
        self.looks += 1
        await self._do()
        return SERVED

    async def question(self, served: str, timeout_s: float) -> int:
        self.asked.append(served)
        await self._do()
        return 42

    async def _do(self) -> None:
        if self.stalls:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled += 1
        if self.trouble is not None:
            raise self.trouble


@dataclass(slots=True)
class Bench:
    """The asking under test."""

    asking: RemoteAsking[str]
    server: Server
    clock: ManualClock
    notes: list[str]

    async def outcome(self) -> ClassifierOutcome | None:
        """Ask and return what went wrong, None for nothing."""
        found = await self.asking.ask(self.server.question)
        if isinstance(found, ClassifierOutcome):
            return found
        assert found == 42
        return None

    async def is_taken_up(self) -> None:
        """Ask until the look in the background went well."""
        await self.outcome()
        await eventually(lambda: self.asking.is_up)


@asynccontextmanager
async def bench(
    server: Server, *, is_up: bool = True, limits: RemoteLimits | None = None, chance: float = 0.0
) -> AsyncIterator[Bench]:
    """Make the asking; close it at the end."""
    clock, notes = ManualClock(), list[str]()
    asking = RemoteAsking(
        "http://scripted:8000",
        server.look,
        clock=clock,
        chance=lambda: chance,
        note=notes.append,
        limits=limits or RemoteLimits(LONG_S, look_timeout_s=LONG_S),
        served=SERVED if is_up else None,
    )
    try:
        yield Bench(asking, server, clock, notes)
    finally:
        await asking.aclose()


def away_s(note: str) -> float:
    """Return how long a note says the server is left alone."""
    found = re.search(r"not asked for ([\d.]+) s", note)
    assert found is not None
    return float(found[1])


def has_notes(b: Bench, count: int) -> bool:
    """Tell whether as many notes were made."""
    return len(b.notes) == count


async def test_a_question_is_given_what_the_server_serves() -> None:
    async with bench(Server()) as b:
        assert await b.outcome() is None
        assert b.server.asked == [SERVED]
        assert (b.server.looks, b.notes) == (0, [])


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [
        (Overloaded("x"), ClassifierOutcome.OVERLOAD),
        (TooLate("x"), ClassifierOutcome.TIMEOUT),
        (BadAnswer("x"), ClassifierOutcome.ERROR),
        (Unreachable("x"), ClassifierOutcome.ERROR),
    ],
)
async def test_what_goes_wrong_is_the_outcome(trouble: RemoteTrouble, outcome: ClassifierOutcome) -> None:
    async with bench(Server(trouble)) as b:
        assert await b.outcome() is outcome


async def test_an_answer_after_the_deadline_is_a_timeout_and_is_not_waited_for() -> None:
    async with bench(Server(stalls=True), limits=RemoteLimits(IN_NO_TIME_S)) as b:
        assert await b.outcome() is ClassifierOutcome.TIMEOUT
        assert b.server.cancelled == 1


async def test_more_than_may_be_under_way_are_an_overload_at_once() -> None:
    async with bench(Server(stalls=True), limits=RemoteLimits(LONG_S, in_flight=2)) as b:
        waiting = [asyncio.create_task(b.outcome()) for _ in range(2)]
        await eventually(lambda: len(b.server.asked) == 2)
        assert await b.outcome() is ClassifierOutcome.OVERLOAD
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        b.server.stalls = False
        assert await b.outcome() is None


async def test_a_server_that_is_down_is_not_asked_and_is_taken_up_again() -> None:
    async with bench(Server(Unreachable("nobody there"))) as b:
        for _ in range(3):
            assert await b.outcome() is ClassifierOutcome.ERROR
        assert not b.asking.is_up
        b.server.trouble = None
        for _ in range(50):
            assert await b.outcome() is ClassifierOutcome.ERROR
        assert len(b.server.asked) == 3
        b.clock.advance(1.0)
        await b.is_taken_up()
        assert await b.outcome() is None
        assert b.notes == [
            "the remote scorer at http://scripted:8000 is not asked for 1.0 s: nobody there",
            "the remote scorer at http://scripted:8000 is asked again",
        ]


async def test_now_and_then_a_failure_does_not_close_the_way() -> None:
    async with bench(Server()) as b:
        for _ in range(20):
            for trouble in (BadAnswer("x"), BadAnswer("x"), None):
                b.server.trouble = trouble
                await b.outcome()
        assert b.asking.is_up
        assert b.notes == []


async def test_one_look_at_a_time_and_nobody_waits_for_it() -> None:
    async with bench(Server(stalls=True), is_up=False) as b:
        for _ in range(10):
            assert await b.outcome() is ClassifierOutcome.ERROR
            await asyncio.sleep(0)
        assert (b.server.looks, b.server.asked) == (1, [])


async def test_a_look_that_is_not_answered_ends_and_counts() -> None:
    async with bench(Server(stalls=True), is_up=False, limits=RemoteLimits(look_timeout_s=IN_NO_TIME_S)) as b:
        await b.outcome()
        await eventually(lambda: b.notes)
        assert "no answer within 0.001 s" in b.notes[0]
        assert b.server.cancelled == 1


async def test_pauses_grow_to_their_limit_while_looks_fail() -> None:
    async with bench(Server(Unreachable("nobody there")), is_up=False, chance=1.0) as b:
        for number in range(8):
            await b.outcome()
            await eventually(partial(has_notes, b, number + 1))
            b.clock.advance(30.0)
        assert [away_s(note) for note in b.notes] == [1.0, 1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0]


async def test_a_server_that_is_always_late_is_tried_ever_more_rarely() -> None:
    late = TooLate("x")
    async with bench(Server(late), chance=1.0) as b:
        for _ in range(4):
            while b.asking.is_up:
                await b.outcome()
            b.server.trouble = None
            b.clock.advance(30.0)
            await b.is_taken_up()
            b.server.trouble = late
        assert [away_s(note) for note in b.notes if "not asked" in note] == [1.0, 2.0, 4.0, 8.0]


async def test_an_answer_in_time_makes_the_pauses_short_again() -> None:
    async with bench(Server(), chance=1.0) as b:
        for _ in range(4):
            b.server.trouble = TooLate("x")
            while b.asking.is_up:
                await b.outcome()
            b.server.trouble = None
            b.clock.advance(30.0)
            await b.is_taken_up()
            assert await b.outcome() is None
        assert [away_s(note) for note in b.notes if "not asked" in note] == [1.0] * 4


async def test_a_full_server_is_told_as_overloaded_while_it_is_left_alone() -> None:
    async with bench(Server(Overloaded("x"))) as b:
        for _ in range(3):
            await b.outcome()
        assert not b.asking.is_up
        assert await b.outcome() is ClassifierOutcome.OVERLOAD


async def test_a_server_that_came_back_as_another_is_not_asked() -> None:
    async with bench(Server(Misfit("another model")), is_up=False) as b:
        await b.outcome()
        await eventually(lambda: b.notes)
        assert "another model" in b.notes[0]
        assert not b.asking.is_up


async def test_requests_under_way_when_the_server_went_down_count_once() -> None:
    async with bench(Server(stalls=True), limits=RemoteLimits(IN_NO_TIME_S)) as b:
        outcomes = await asyncio.gather(*(b.outcome() for _ in range(40)))
        assert set(outcomes) == {ClassifierOutcome.TIMEOUT}
        assert len(b.notes) == 1
