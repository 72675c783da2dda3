"""The body of an answer: chunks, back-pressure, ends."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.adapters.upstream_body import PAUSE_ABOVE_BYTES, PIECE_BYTES_MAX, ResponseBody
from tests.support.networks import lean_network


class RecordingThrottle:
    """A connection that notes what its body asked of it."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.asked: list[str] = []

    def pause(self) -> None:
        self.asked.append("pause")

    def resume(self) -> None:
        self.asked.append("resume")

    def abort(self) -> None:
        self.asked.append("abort")


async def test_reading_pauses_above_the_limit_and_resumes_below_it() -> None:
    throttle = RecordingThrottle()
    body = ResponseBody(throttle)
    body.feed(b"x" * PAUSE_ABOVE_BYTES)
    assert throttle.asked == []
    body.feed(b"y")
    body.feed(b"z")
    assert throttle.asked == ["pause"]
    assert len(await anext(body)) == PIECE_BYTES_MAX
    assert throttle.asked == ["pause", "resume"]
    assert [len(await anext(body)) for _ in range(2)] == [PAUSE_ABOVE_BYTES - PIECE_BYTES_MAX, 2]


async def test_what_a_loop_hands_over_at_once_is_handed_on_in_pieces_and_read_on_only_when_little_is_left() -> None:
    throttle = RecordingThrottle()
    body = ResponseBody(throttle)
    read = bytes(range(256)) * 256
    body.feed(read)
    body.end()
    pieces, asked = [], []
    async for piece in body:
        pieces.append(piece)
        asked.append(len(throttle.asked))
    assert b"".join(pieces) == read
    assert max(map(len, pieces)) == PIECE_BYTES_MAX
    assert asked == [1, 2, 2, 2], "the pause stands until no more than the limit is left"


async def test_what_arrived_before_a_break_is_read_before_it_is_raised() -> None:
    body = ResponseBody(RecordingThrottle())
    body.feed(b"one")
    body.end(httpx.ReadError("broken"))
    assert await anext(body) == b"one"
    for _ in range(2):
        with pytest.raises(httpx.ReadError, match="broken"):
            await anext(body)


async def test_closing_twice_closes_the_connection_once() -> None:
    throttle = RecordingThrottle()
    body = ResponseBody(throttle)
    await body.aclose()
    await body.aclose()
    assert throttle.asked == ["abort"]


async def test_closing_after_the_end_leaves_the_connection_alone() -> None:
    throttle = RecordingThrottle()
    body = ResponseBody(throttle)
    body.feed(b"unread")
    body.end()
    await body.aclose()
    body.feed(b"late")
    body.end(httpx.ReadError("late"))
    assert throttle.asked == []
    with pytest.raises(StopAsyncIteration):
        await anext(body)


async def test_closing_wakes_whoever_reads() -> None:
    async with lean_network() as net:
        response = await net.ask("stalls-after:0", stream=True)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        body = aiter(response.stream)
        await anext(body)
        reading = asyncio.create_task(_next_of(body))
        await asyncio.sleep(0)
        await response.stream.aclose()
        with pytest.raises(httpx.ReadError, match="closed before its end"):
            await reading


async def _next_of(body: AsyncIterator[bytes]) -> bytes:
    return await anext(body)
