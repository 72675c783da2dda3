"""A request's calls are closed to the last of them, whatever breaks in."""

import asyncio

import httpx
import pytest

from gateway.pipeline.attempt import Attempt
from gateway.pipeline.closing import close_all
from gateway.pipeline.opened import Opened
from tests.support.tiers import a_tier, an_endpoint
from tests.support.waiting import eventually


class Answer(httpx.AsyncByteStream):
    """An answer that is closed when the test lets it be."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.closes = False
        self.is_closed = False
        self._may = asyncio.Event()
        if at_once:
            self._may.set()

    async def aclose(self) -> None:
        self.closes = True
        await self._may.wait()
        self.is_closed = True


def an_attempt(number: int, answer: Answer | None = None) -> Attempt:
    attempt = Attempt(number, a_tier("small"), an_endpoint("small", number), 0.0)
    if answer is not None:
        attempt.opened = Opened(httpx.Response(200, stream=answer), b"")
    return attempt


async def forever() -> None:
    await asyncio.Event().wait()


async def slow_to_end(may_end: asyncio.Event) -> None:
    try:
        await forever()
    finally:
        await may_end.wait()


async def test_calls_answers_and_the_heartbeat_are_ended() -> None:
    answer, calling, refused = Answer(), an_attempt(1), an_attempt(2)
    calling.task, beating = asyncio.create_task(forever()), asyncio.create_task(forever())
    await asyncio.sleep(0)
    await close_all((an_attempt(0, answer), calling, refused), beating)
    assert answer.is_closed
    assert calling.task.cancelled()
    assert beating.cancelled()


async def test_a_cancellation_while_one_call_is_closed_leaves_no_other_open() -> None:
    stuck, other = Answer(at_once=False), Answer()
    closing = asyncio.create_task(close_all((an_attempt(0, stuck), an_attempt(1, other)), None))
    await eventually(lambda: stuck.closes)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert other.is_closed


async def test_a_cancellation_while_a_call_ends_leaves_no_answer_open() -> None:
    may_end, calling, answer = asyncio.Event(), an_attempt(0), Answer()
    calling.task = asyncio.create_task(slow_to_end(may_end))
    await asyncio.sleep(0)
    closing = asyncio.create_task(close_all((calling, an_attempt(1, answer)), None))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert answer.is_closed
    may_end.set()
    await asyncio.wait((calling.task,))


async def test_a_cancellation_while_a_heartbeat_ends_leaves_no_answer_open() -> None:
    may_end, answer = asyncio.Event(), Answer()
    beating = asyncio.create_task(slow_to_end(may_end))
    await asyncio.sleep(0)
    closing = asyncio.create_task(close_all((an_attempt(0, answer),), beating))
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert answer.is_closed
    may_end.set()
    await asyncio.wait((beating,))
