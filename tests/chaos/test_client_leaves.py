"""A client leaves, in every phase of its request: the model server is told by its connection's end."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.clients import RawCall
from tests.chaos.evidence import Work, read_works
from tests.chaos.history import End, History
from tests.chaos.marked_server import Order
from tests.chaos.rig import marked_server
from tests.chaos.stage import Stage, running_stage
from tests.support.networks import free_port
from tests.support.waiting import eventually

TOLD_WITHIN_S = 5.0
"""For a busy machine; what it takes is measured by the campaign."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("client-leaves")


@pytest.fixture(scope="module")
def stage(folder: Path) -> Iterator[Stage]:
    actors = {name: marked_server(name, free_port(), folder) for name in ("first", "second")}
    with running_stage(folder, actors, "marked") as stage:
        yield stage


@pytest.mark.parametrize(
    ("request_number", "stream", "first_ms", "pieces"),
    [(1, True, 30_000, 0), (2, True, 0, 2), (3, False, 30_000, 0)],
    ids=["before the first token", "mid-stream", "before a whole answer"],
)
async def test_a_client_that_leaves_ends_the_servers_work(
    stage: Stage, folder: Path, tmp_path: Path, request_number: int, stream: bool, first_ms: int, pieces: int
) -> None:
    def works() -> list[Work]:
        journal = folder / "second.journal"
        return [work for work in read_works(journal) if work.request == request_number]

    order = Order(request_number, tokens=1_000, first_ms=first_ms, gap_ms=50)
    with History(tmp_path / "history") as history:
        call = RawCall(
            order, "second", "free", stream=stream, port=stage.gateway.port, history=history, patience_s=30.0
        )
        running = asyncio.create_task(call.run())
        await eventually(lambda: len(works()) == 1)
        assert await call.heard(pieces)
        call.leave()
        await running
    assert call.ending is not None
    assert call.ending.end is End.LEFT
    await eventually(lambda: works()[0].event == "gone", TOLD_WITHIN_S)
