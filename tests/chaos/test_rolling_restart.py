"""Gateways are replaced one after another behind a load balancer that hears of it late: no client notices."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos.actors import GatewayActor, on_stage
from tests.chaos.clients import RawCall
from tests.chaos.front import Front
from tests.chaos.history import End, History
from tests.chaos.marked_server import Order, read_marks
from tests.chaos.rig import marked_server
from tests.chaos.stage import VARIABLES, Stage, running_stage
from tests.support.networks import free_port

LAG_S = 0.7
LAME_DUCK_S = 1.5
TOKENS = 40
GAP_MS = 50
"""A stream takes two seconds: longer than a lame duck waits, so that some end in the drain."""
EVERY_S = 0.1
DRAIN_S = 20.0


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[GatewayActor]]:
    """Two gateways of one policy."""
    folder = tmp_path_factory.mktemp("rolling")
    actors = {name: marked_server(name, free_port(), folder) for name in ("first", "second")}
    variables = {"TIERGATE_LAME_DUCK_S": str(LAME_DUCK_S), "TIERGATE_DRAIN_S": str(DRAIN_S)}
    with ExitStack() as stack:
        stage: Stage = stack.enter_context(running_stage(folder, actors, "marked", variables=variables))
        other = GatewayActor(
            "other", free_port(), folder / "policy.yaml", folder, workers=1, variables={**VARIABLES, **variables}
        )
        stack.enter_context(on_stage(other))
        yield [stage.gateway, other]


async def ask_on(front: Front, history: History, stopping: asyncio.Event) -> list[RawCall]:
    """Ask for a stream and for a whole answer in turn, until it is time to stop; return all once they are over."""
    calls: list[RawCall] = []
    tasks: list[asyncio.Task[None]] = []
    while not stopping.is_set():
        number = len(calls) + 1
        order = Order(number, TOKENS, 0, GAP_MS if number % 2 else 2)
        call = RawCall(
            order, "first", "free", stream=number % 2 == 1, port=front.port, history=history, patience_s=30.0
        )
        calls.append(call)
        tasks.append(asyncio.create_task(call.run()))
        await asyncio.sleep(EVERY_S)
    await asyncio.gather(*tasks)
    return calls


async def replace_all(replicas: list[GatewayActor], front: Front) -> None:
    """End each gateway, of which the front hears late, and start it again while others are left to end."""
    for replica in replicas:
        replica.terminate()
        front.hear(replica, serves=False, after_s=LAG_S)
        await replica.ended(LAME_DUCK_S + DRAIN_S)
        assert replica.exit_code == 0
        if replica is not replicas[-1]:
            replica.start()
            await replica.ready()
            front.hear(replica, serves=True, after_s=0.0)


async def test_a_rolling_restart_refuses_no_connection_and_cuts_no_answer(
    replicas: list[GatewayActor], tmp_path: Path
) -> None:
    front, stopping = Front(replicas), asyncio.Event()
    await front.start()
    try:
        with History(tmp_path / "history") as history:
            asking = asyncio.create_task(ask_on(front, history, stopping))
            await replace_all(replicas, front)
            stopping.set()
            calls = await asking
    finally:
        await front.aclose()
    assert front.refused == []
    endings = [call.ending for call in calls]
    assert {ending.end for ending in endings if ending is not None} == {End.DONE}
    assert {len(read_marks(ending.text) or ()) for ending in endings if ending is not None} == {TOKENS}
