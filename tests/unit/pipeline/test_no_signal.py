"""What a tenant's request does, step by step, when another tenant has the answer or is asking for it."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from gateway.domain.request import Operation
from tests.support.crowds import Crowd
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, TEAM_KEY, Gateway, held_until

PAIRS = 20
UNDER_WAY = 4
UNLIMITED = KEYED.replace("rpm: 2", "rpm: 10000").replace("ttft: 100ms, stall: 100ms, answer: 100ms", "ttft: 1m")


@contextmanager
def called() -> Iterator[list[str]]:
    """Give the names of all of the gateway's functions that are entered inside, in order."""
    names: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith("gateway."):
            names.append(f"{module}.{frame.f_code.co_qualname}")

    before: Callable[..., Any] | None = sys.getprofile()
    sys.setprofile(note)
    try:
        yield names
    finally:
        sys.setprofile(before)


async def steps(gateway: Gateway, body: dict[str, Any]) -> list[str]:
    """Ask as the guest, and return what was done for it."""
    client = gateway.client(body, key=GUEST_KEY)
    with called() as names:
        await gateway.pipeline(Operation.CHAT, client.inbound, client.responder)
    assert client.responder.status == 200
    return names


def asked(number: int) -> dict[str, Any]:
    return {**CHAT, "seed": 1_000 + number}


async def a_warm_gateway() -> Gateway:
    """Make a gateway that has looked up for the guest once what is remembered from then on."""
    gateway = Gateway(UNLIMITED)
    for number in range(100, 103):
        await steps(gateway, asked(number))
    return gateway


async def test_case_46_what_another_tenant_has_changes_no_step() -> None:
    gateway = await a_warm_gateway()
    for number in range(PAIRS):
        await gateway.ask(asked(2 * number), key=TEAM_KEY)
        theirs, nobodys = await steps(gateway, asked(2 * number)), await steps(gateway, asked(2 * number + 1))
        assert len(nobodys) > 100
        assert theirs == nobodys


async def test_case_46_what_another_tenant_is_asking_for_changes_no_step() -> None:
    gateway = await a_warm_gateway()
    released = asyncio.Event()
    script = gateway.network.plan.general
    gateway.network.plan.general = held_until(released)
    crowd = Crowd(gateway)
    for number in range(UNDER_WAY):
        await crowd.come(asked(2 * number), key=TEAM_KEY)
    gateway.network.plan.general = script
    for number in range(UNDER_WAY):
        theirs, nobodys = await steps(gateway, asked(2 * number)), await steps(gateway, asked(2 * number + 1))
        assert theirs == nobodys
    released.set()
    await crowd.over()


async def test_what_the_tenant_itself_has_does_change_the_steps() -> None:
    """So the steps tell the one from the other."""
    gateway = await a_warm_gateway()
    first, again = await steps(gateway, asked(0)), await steps(gateway, asked(0))
    assert len(again) < len(first) / 2
