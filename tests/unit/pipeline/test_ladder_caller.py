"""What is counted of each server, and which servers are left alone."""

import asyncio

import httpx
import pytest

from gateway.domain.ids import TierName
from tests.support.behaviours import always, breaks_after, fails, speaks, stalls_before
from tests.support.gateways import CHAT, STREAM, Gateway, held_until, hosts
from tests.support.scripts import Behaviour, End, Unreachable
from tests.support.waiting import eventually


async def test_a_busy_server_is_left_alone_as_long_as_it_asks() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(fails(429, retry_after="7"))
    await gateway.ask({**CHAT, "seed": 1})
    busy = hosts(gateway)[0]
    gateway.clock.advance(6.9)
    await gateway.ask({**CHAT, "seed": 2})
    assert hosts(gateway)[-1] != busy
    gateway.clock.advance(0.2)
    await gateway.ask({**CHAT, "seed": 3})
    assert hosts(gateway)[-1] == busy


async def test_a_full_pool_is_not_held_against_its_server() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(always(Unreachable(httpx.PoolTimeout)))
    await gateway.ask({**CHAT, "seed": 1})
    await gateway.ask({**CHAT, "seed": 2})
    first, _, third = hosts(gateway)
    assert third == first


@pytest.mark.parametrize("behaviour", [speaks(), fails(500), stalls_before(), breaks_after(1, End.RESET)])
async def test_every_call_is_taken_off_its_servers_count(behaviour: Behaviour) -> None:
    gateway = Gateway()
    gateway.network.plan.general = behaviour
    for body in (CHAT, STREAM):
        await gateway.ask(body)
    ids = [endpoint.id for tier in gateway.policy.snapshot.tiers.values() for endpoint in tier.endpoints]
    assert [gateway.world.endpoints.state(each).in_flight for each in ids] == [0, 0, 0]


async def test_a_call_that_outlives_its_servers_place_in_the_policy_is_counted_off_what_it_was_counted_on() -> None:
    gateway, released = Gateway(), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    serving = asyncio.create_task(gateway.ask(CHAT))
    await eventually(lambda: gateway.network.requests)
    gateway.world.endpoints.forget_all_but(())
    released.set()
    await serving
    for endpoint in gateway.policy.snapshot.tiers[TierName("small")].endpoints:
        assert gateway.world.endpoints.state(endpoint.id).in_flight == 0
