"""A worker of two is killed or stands still: what it held is lost, and seen to be lost; everything else goes on."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chaos.actors import STARTS_WITHIN_S
from tests.chaos.clients import RawCall
from tests.chaos.history import End, History, Story, read_stories
from tests.chaos.marked_server import Order, read_marks
from tests.chaos.rig import marked_server
from tests.chaos.stage import Stage, running_stage
from tests.support.networks import free_port
from tests.support.waiting import eventually

STREAMS = 12
TOKENS = 60
GAP_MS = 25
"""A stream then takes a second and a half: as long as it takes to kill a worker within it."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("gateway-death")
    actors = {name: marked_server(name, free_port(), folder) for name in ("first", "second")}
    with running_stage(folder, actors, "marked", workers=2) as stage:
        yield stage


@pytest.fixture
def crowd(stage: Stage, tmp_path: Path) -> Iterator["Crowd"]:
    path = tmp_path / "history"
    with History(path) as history:
        yield Crowd(stage, path, history)


class Crowd:
    """Clients that ask for a stream each, and their history."""

    def __init__(self, stage: Stage, path: Path, history: History) -> None:
        self._stage = stage
        self._path = path
        self._history = history
        self._tasks: list[asyncio.Task[None]] = []
        self.calls: list[RawCall] = []

    def come(self, count: int) -> None:
        """Let so many clients ask at once."""
        for _ in range(count):
            order = Order(len(self.calls) + 1, TOKENS, 0, GAP_MS)
            call = RawCall(
                order,
                "first",
                "free",
                stream=True,
                port=self._stage.gateway.port,
                history=self._history,
                patience_s=30.0,
            )
            self.calls.append(call)
            self._tasks.append(asyncio.create_task(call.run()))

    async def stories(self) -> list[Story]:
        """Return what became of all, once they are over."""
        await asyncio.gather(*self._tasks)
        return read_stories([self._path])


def is_whole(story: Story) -> bool:
    """Tell whether the client got every token of its answer, and its end."""
    ending = story.ending
    assert ending is not None
    marks = read_marks(ending.text)
    places = [] if marks is None else [mark.place for mark in marks]
    return (ending.end, ending.has_done, places) == (End.DONE, True, list(range(TOKENS)))


async def all_heard(calls: list[RawCall]) -> None:
    """Return once every client has heard the beginning of its answer."""
    for call in calls:
        assert await call.heard(2), "it ended too soon"


async def test_a_killed_workers_streams_end_without_done_and_the_other_worker_serves_on(
    stage: Stage, crowd: Crowd
) -> None:
    gateway = stage.gateway
    before = gateway.workers()
    assert (len(before), gateway.serving()) == (2, 2)
    crowd.come(STREAMS)
    await all_heard(crowd.calls)
    os.kill(before[0], signal.SIGKILL)
    await eventually(lambda: gateway.serving() == 1)
    crowd.come(STREAMS)
    stories = await crowd.stories()
    lost = [story for story in stories[:STREAMS] if not is_whole(story)]
    for story in lost:
        assert story.ending is not None
        assert (story.ending.end, story.ending.has_done) == (End.SILENT, False), "cut off, and not to be taken as whole"
    assert lost, "with so many streams each worker has some"
    assert len(lost) < STREAMS, "the other worker's streams go on"
    assert all(map(is_whole, stories[STREAMS:])), "who comes after finds the other worker"
    await eventually(lambda: gateway.serving() == 2, STARTS_WITHIN_S)
    (second, new) = sorted(gateway.workers(), key=lambda pid: pid not in before)
    assert (second, new in before) == (before[1], False)


async def test_a_worker_that_stood_still_goes_on_where_it_was(stage: Stage, crowd: Crowd) -> None:
    gateway = stage.gateway
    await eventually(lambda: gateway.serving() == 2, STARTS_WITHIN_S)
    crowd.come(STREAMS)
    await all_heard(crowd.calls)
    frozen = gateway.workers()[0]
    os.kill(frozen, signal.SIGSTOP)
    try:
        await eventually(lambda: sum(call.ending is not None for call in crowd.calls) > 0)
    finally:
        os.kill(frozen, signal.SIGCONT)
    stories = await crowd.stories()
    ends = {story.ending.end for story in stories if story.ending is not None}
    # Its servers went on meanwhile: what they sent lies in its buffers, and no limit counts the time it slept.
    assert ends == {End.DONE}
    assert all(map(is_whole, stories))
    async with httpx.AsyncClient(trust_env=False, timeout=10.0) as client:
        for _ in range(8):
            assert (await client.get(f"http://127.0.0.1:{gateway.port}/health/ready")).status_code == 200
