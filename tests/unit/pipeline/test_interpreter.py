"""The owner of a request's tasks and timers: whatever comes in whatever order, it ends with nothing left running."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import httpx
import pytest

from gateway.core.exchange_events import AttemptFailed, Plan, Rung, Timer, TimerFired
from gateway.core.retry_budget import RetryBudget
from gateway.domain.ids import TierName
from gateway.domain.outcome import FailureKind, Outcome
from gateway.pipeline.attempt import Attempt, AttemptError
from gateway.pipeline.caller import Caller
from gateway.pipeline.interpreter import Interpreter
from gateway.pipeline.opened import Opened
from tests.support.clocks import ManualClock
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import (
    CHAT,
    STREAM,
    Gateway,
    held_until,
)
from tests.support.tiers import a_tier, an_endpoint
from tests.support.waiting import eventually


async def leave_when(gateway: Gateway, client: FakeClient) -> None:
    """Serve a client that leaves once the server is at work."""
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: gateway.network.requests)
    client.leave()
    await serving


@pytest.mark.parametrize("body", [CHAT, STREAM])
async def test_a_client_that_leaves_before_content_cancels_the_server(body: dict[str, object]) -> None:
    gateway = Gateway()
    gateway.network.plan.general = held_until(asyncio.Event())
    client = gateway.client(body)
    await leave_when(gateway, client)
    assert gateway.network.requests[0].gone.is_set()
    assert gateway.receipt.outcome is Outcome.CLIENT_GONE_BEFORE
    assert gateway.receipt.charge_usd_nano == 0


@dataclass(slots=True)
class Servers:
    """Calls whose ends the test decides, by attempt number."""

    ends: list[asyncio.Future[None]] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    placed: list[int] = field(default_factory=list)

    def place(self, number: int, rung: int, again: Attempt | None) -> Attempt:
        self.ends.append(asyncio.get_running_loop().create_future())
        self.placed.append(rung)
        return Attempt(number, a_tier("small"), an_endpoint("small", number), 0.0)

    async def call(self, attempt: Attempt) -> None:
        await self.ends[attempt.number]
        attempt.opened = Opened(httpx.Response(200, content=b"{}"), b"{}")

    def over(self, attempt: Attempt) -> None:
        self.closed.append(attempt.number)

    def answer(self, number: int) -> None:
        """Let a call have content."""
        if not self.ends[number].done():
            self.ends[number].set_result(None)

    def fail(self, number: int, kind: FailureKind) -> None:
        """Let a call come to nothing."""
        if not self.ends[number].done():
            self.ends[number].set_exception(AttemptError(kind, "scripted"))


class CountingClock(ManualClock):
    """Tells how often it was asked: the only trace that a timer leaves which decided to wait on."""

    asked = 0

    def now_s(self) -> float:
        self.asked += 1
        return super().now_s()


def exchange(
    servers: Caller, clock: ManualClock | None = None, *, first_content_s: float = 60.0, stall_s: float = 60.0
) -> Interpreter:
    rungs = tuple(Rung(TierName(name), 2, first_content_s, stall_s) for name in ("small", "large"))
    plan = Plan(rungs, 4, frozenset(FailureKind), 1_000.0 + 60.0)
    return Interpreter(plan, RetryBudget(), servers, clock or ManualClock())


def blow(draw: Random, servers: Servers, interpreter: Interpreter) -> None:
    """Let one thing happen, whether or not it makes sense now."""
    number, kind, chance = draw.randrange(len(servers.ends)), draw.choice(list(FailureKind)), draw.random()
    if chance < 0.2:
        servers.answer(number)
    elif chance < 0.4:
        servers.fail(number, kind)
    elif chance < 0.6:
        interpreter.post(AttemptFailed(number, kind))
    elif chance < 0.8:
        interpreter.post(TimerFired(draw.choice(list(Timer))))
    elif chance < 0.85:
        interpreter.client_gone()


@pytest.mark.parametrize("seed", range(60))
async def test_whatever_storm_of_events_there_is_one_end_and_nothing_is_left_running(seed: int) -> None:
    draw, servers = Random(seed), Servers()
    interpreter = exchange(servers)
    waiting = asyncio.create_task(interpreter.until_commit())
    await asyncio.sleep(0)
    committed: set[int] = set()
    for _ in range(30):
        blow(draw, servers, interpreter)
        if draw.random() < 0.5:
            await asyncio.sleep(0)
        if interpreter.committed is not None:
            committed.add(interpreter.committed.number)
    interpreter.client_gone()
    await waiting
    await interpreter.aclose()
    assert len(committed) <= 1
    assert interpreter.outcome is not None
    assert all(attempt.task is not None and attempt.task.done() for attempt in interpreter.attempts)
    assert all(attempt.ended_s is not None for attempt in interpreter.attempts)
    assert set(servers.closed) == set(range(len(servers.ends))), "every call was given back"
    for end in servers.ends:
        if end.done() and not end.cancelled():
            end.exception()


async def test_a_fault_of_ours_in_a_call_ends_the_wait_at_once() -> None:
    class Broken(Servers):
        async def call(self, attempt: Attempt) -> None:
            raise ZeroDivisionError("ours")

    interpreter = exchange(Broken())
    with pytest.raises(ZeroDivisionError):
        await interpreter.until_commit()
    await interpreter.aclose()


async def test_a_fault_of_ours_behind_the_end_harms_nobody() -> None:
    class Broken(Servers):
        async def call(self, attempt: Attempt) -> None:
            try:
                await super().call(attempt)
            except asyncio.CancelledError:
                raise ZeroDivisionError("ours") from None

    interpreter = exchange(Broken())
    waiting = asyncio.create_task(interpreter.until_commit())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    interpreter.client_gone()
    await waiting
    await interpreter.aclose()
    assert interpreter.outcome is Outcome.CLIENT_GONE_BEFORE


async def test_a_cancellation_from_outside_is_not_swallowed() -> None:
    servers = Servers()
    interpreter = exchange(servers)

    async def read() -> None:
        await interpreter.until_commit()
        with interpreter.interruptible():
            await asyncio.Event().wait()

    reading = asyncio.create_task(read())
    await eventually(lambda: servers.ends)
    servers.answer(0)
    await eventually(lambda: interpreter.committed)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await interpreter.aclose()


async def test_a_cancellation_from_outside_counts_even_when_ours_came_first() -> None:
    servers = Servers()
    interpreter = exchange(servers)

    async def read() -> None:
        await interpreter.until_commit()
        with interpreter.interruptible():
            await asyncio.Event().wait()

    reading = asyncio.create_task(read())
    await eventually(lambda: servers.ends)
    servers.answer(0)
    await eventually(lambda: interpreter.committed)
    await asyncio.sleep(0)
    interpreter.client_gone()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await interpreter.aclose()


async def test_what_a_broken_call_holds_is_given_back_before_a_cancellation_can_come_between() -> None:
    class Stuck(httpx.AsyncByteStream):
        async def aclose(self) -> None:
            await asyncio.Event().wait()

    class Stubborn(Servers):
        async def call(self, attempt: Attempt) -> None:
            await super().call(attempt)
            attempt.opened = Opened(httpx.Response(200, stream=Stuck()), b"")

    servers = Stubborn()
    interpreter = exchange(servers)
    waiting = asyncio.create_task(interpreter.until_commit())
    await eventually(lambda: servers.ends)
    servers.answer(0)
    await waiting
    interpreter.post(AttemptFailed(0, FailureKind.BROKEN))
    closing = asyncio.create_task(interpreter.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert servers.closed == [0]


async def test_the_stall_timer_counts_from_the_last_byte_and_not_while_the_client_is_waited_for() -> None:
    servers, clock = Servers(), CountingClock()
    interpreter = exchange(servers, clock, stall_s=0.005)

    def outcomes() -> list[Outcome]:
        return [] if interpreter.outcome is None else [interpreter.outcome]

    waiting = asyncio.create_task(interpreter.until_commit())
    await eventually(lambda: servers.ends)
    servers.answer(0)
    await waiting
    asked = clock.asked
    await eventually(lambda: clock.asked > asked + 2)
    assert not outcomes(), "the clock stands still, so nobody has been silent"
    interpreter.is_sending = True
    clock.advance(1.0)
    asked = clock.asked
    await eventually(lambda: clock.asked > asked + 2)
    assert not outcomes(), "it is the client that is slow"
    interpreter.is_sending = False
    await eventually(outcomes)
    assert outcomes() == [Outcome.STREAM_TRUNCATED]
    await interpreter.aclose()


async def test_first_content_that_came_while_the_process_stood_still_counts() -> None:
    servers, clock = Servers(), CountingClock()
    interpreter = exchange(servers, clock, first_content_s=0.005)
    waiting = asyncio.create_task(interpreter.until_commit())
    await asyncio.sleep(0)
    assert servers.ends, "no timer can have fired yet"
    clock.advance(20.0)
    asked = clock.asked
    await eventually(lambda: clock.asked > asked)
    assert servers.placed == [0], "the timer found itself late, and no other server was asked"
    servers.answer(0)
    await waiting
    assert interpreter.committed is interpreter.attempts[0]
    await interpreter.aclose()


async def test_a_server_that_is_silent_after_the_process_stood_still_is_given_up_all_the_same() -> None:
    servers, clock = Servers(), CountingClock()
    interpreter = exchange(servers, clock, first_content_s=0.005)
    waiting = asyncio.create_task(interpreter.until_commit())
    await eventually(lambda: servers.ends)
    clock.advance(20.0)
    await eventually(lambda: len(servers.placed) > 1)
    assert interpreter.attempts[0].failure is FailureKind.TTFT
    interpreter.client_gone()
    await waiting
    await interpreter.aclose()


async def test_a_stream_that_went_on_while_the_process_stood_still_is_not_broken_off() -> None:
    servers, clock = Servers(), CountingClock()
    interpreter = exchange(servers, clock, stall_s=0.005)
    waiting = asyncio.create_task(interpreter.until_commit())
    await eventually(lambda: servers.ends)
    servers.answer(0)
    await waiting
    clock.advance(20.0)
    asked = clock.asked
    await eventually(lambda: clock.asked > asked)
    # What had come is read, as by the relay, before the timer judges again.
    interpreter.waits_since_s = clock.now_s()
    asked = clock.asked
    await eventually(lambda: clock.asked > asked + 1)
    assert interpreter.outcome is None
    clock.advance(0.01)
    await eventually(lambda: interpreter.outcome)
    assert interpreter.aborted is not None
    await interpreter.aclose()


async def test_a_call_that_cannot_be_closed_is_not_waited_for_beyond_a_second() -> None:
    released = asyncio.Event()

    class Deaf(Servers):
        async def call(self, attempt: Attempt) -> None:
            while not released.is_set():
                with suppress(asyncio.CancelledError):
                    await released.wait()

    servers = Deaf()
    interpreter = exchange(servers)
    waiting = asyncio.create_task(interpreter.until_commit())
    await eventually(lambda: servers.ends)
    interpreter.client_gone()
    await waiting
    await interpreter.aclose()
    assert servers.closed
    task = interpreter.attempts[0].task
    assert task is not None
    assert not task.done()
    released.set()
    await asyncio.wait((task,))


@pytest.mark.parametrize("timer", ["deadline", "first content"])
async def test_content_that_comes_in_the_same_turn_as_the_clock_runs_out_wins(timer: str) -> None:
    servers, clock = Servers(), ManualClock()
    limit_s, left_s = (60.0, 0.01) if timer == "deadline" else (0.01, 60.0)
    plan = Plan((Rung(TierName("small"), 1, limit_s, 60.0),), 1, frozenset(), clock.now_s() + left_s)
    interpreter = Interpreter(plan, RetryBudget(), servers, clock)
    asyncio.get_running_loop().call_later(0.01, servers.answer, 0)
    await interpreter.until_commit()
    assert interpreter.committed is not None
    await interpreter.aclose()
