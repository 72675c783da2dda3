"""How servers that were given up come back, and who is told."""

import asyncio
import logging
from dataclasses import replace
from itertools import pairwise

import httpx
import pytest

from gateway.app.endpoint_watch import EndpointWatch
from gateway.core.breaker import EJECTION_S, PROBE_AGAIN_S, PROBE_S, Failure, Standing
from gateway.core.endpoint_state import EndpointState
from gateway.core.quarantine import Verdict
from gateway.domain.ids import TierName
from gateway.domain.request import Operation
from tests.support.behaviours import always, fails, speaks, stalls_before
from tests.support.gateways import CHAT, TWO_TIERS, Gateway, hosts
from tests.support.scripts import Unreachable
from tests.support.waiting import eventually

SMALL = TierName("small")


class Watched:
    """A gateway with a watch that looks around when it is told to."""

    def __init__(self, policy: str = TWO_TIERS) -> None:
        self.gateway = Gateway(policy)
        self.watch = EndpointWatch(self.gateway.world)
        self.tier = self.gateway.policy.snapshot.tiers[SMALL]
        self.state: EndpointState = self.gateway.world.endpoints.servers(self.tier).states[0]

    def give_up(self, failure: Failure = Failure.CREDENTIALS) -> None:
        """Eject the first server of the small tier."""
        now_s = self.gateway.clock.now_s()
        while not self.state.breaker.is_open:
            self.state.breaker.failed(failure, now_s, now_s, 0.5)

    async def look(self, after_s: float = 0.0) -> int:
        """Look around after a while, wait for the probes, and tell how many there were."""
        self.gateway.clock.advance(after_s)
        asked = len(self.gateway.network.requests)
        self.watch.look()
        if self.watch._probes:
            await asyncio.wait(self.watch._probes.values())
        return len(self.gateway.network.requests) - asked


async def test_a_server_that_was_given_up_comes_back_by_three_tokens_and_then_by_degrees() -> None:
    watched = Watched()
    watched.give_up()
    assert await watched.look() == 0
    assert await watched.look(EJECTION_S - 0.1) == 0
    assert await watched.look(0.1) == 1
    assert await watched.look(PROBE_S / 2) == 0
    assert [await watched.look(PROBE_S) for _ in range(2)] == [1, 1]
    assert watched.state.breaker.standing is Standing.RAMPING
    assert watched.state.weight == pytest.approx(0.1)
    assert await watched.look(PROBE_S) == 0
    assert hosts(watched.gateway) == ["small-a:8000"] * 3
    assert watched.gateway.network.requests[0].json["max_tokens"] == 1
    assert (watched.state.probes, watched.state.probes_usd_nano > 0) == ({"answered": 3}, True)


async def test_a_probe_that_fails_is_made_again_later() -> None:
    watched = Watched()
    watched.give_up()
    watched.gateway.network.plan.general = fails(500)
    assert await watched.look(EJECTION_S) == 1
    assert await watched.look(PROBE_AGAIN_S * 0.7) == 0
    assert await watched.look(PROBE_AGAIN_S * 0.2) == 1
    assert (watched.state.probes, watched.state.breaker.standing) == ({"failed": 2}, Standing.PROBING)


async def test_after_an_outage_full_service_is_back_within_thirty_five_seconds() -> None:
    """Case 74: ten minutes of it, then probes and a ramp, and no herd."""
    watched = Watched()
    watched.give_up(Failure.UNREACHABLE)
    watched.gateway.network.plan.general = always(Unreachable())
    for _ in range(1_200):
        await watched.look(0.5)
    assert watched.state.probes["failed"] < 200
    watched.gateway.network.plan.general = speaks()
    weights = []
    for _ in range(70):
        await watched.look(0.5)
        weights.append(watched.state.weight)
    assert watched.state.breaker.standing is Standing.HEALTHY
    steps = [after - before for before, after in pairwise(weights)]
    assert max(steps) <= 0.11, "a tenth at first, and never much more at once"
    assert watched.state.breaker.ejected.total() == 1


async def test_one_probe_at_a_time_is_made_of_a_server() -> None:
    watched = Watched(TWO_TIERS.replace("ttft: 100ms", "ttft: 30s"))
    watched.give_up()
    watched.gateway.network.plan.general = stalls_before()
    running = asyncio.create_task(watched.watch.run())
    watched.gateway.clock.advance(EJECTION_S)
    watched.watch.look()
    await eventually(lambda: watched.gateway.network.requests)
    watched.watch.look()
    assert len(watched.watch._probes) == 1
    running.cancel()
    await asyncio.wait((running,))
    assert watched.gateway.network.requests[0].gone.is_set(), "ended with the watch"


async def test_it_asks_what_the_server_was_last_seen_to_answer() -> None:
    watched = Watched()
    watched.state.operation = Operation.EMBEDDINGS
    watched.give_up()
    await watched.look(EJECTION_S)
    assert watched.gateway.network.requests[0].path == "/v1/embeddings"


async def test_a_server_found_to_refuse_connections_convicts_what_was_lost_on_it() -> None:
    watched = Watched()
    quarantine = watched.gateway.world.endpoints.quarantine
    watched.give_up()
    others = watched.gateway.world.endpoints.servers(watched.tier).states[1:]
    for state in (watched.state, *others):
        quarantine.lost(b"query", state, watched.gateway.clock.now_s())
    quarantine.refused(others[0])
    watched.gateway.network.plan.general = always(Unreachable(httpx.ConnectError))
    await watched.look(EJECTION_S)
    assert quarantine.verdict(b"query", watched.gateway.clock.now_s()) is Verdict.GUILTY


async def test_idle_servers_are_asked_only_where_the_policy_says_so() -> None:
    watched = Watched()
    assert await watched.look(3_600.0) == 0
    snapshot = watched.gateway.policy.snapshot
    probed = replace(watched.tier, idle_probe_s=30.0)
    watched.gateway.policy.snapshot = replace(snapshot, tiers={**snapshot.tiers, SMALL: probed})
    assert await watched.look() == 2
    assert await watched.look(29.0) == 0
    await watched.gateway.ask(CHAT)
    assert await watched.look(1.0) == 1, "the one that had no request"
    watched.state.in_flight = 1
    assert await watched.look(30.0) == 1, "nor is one asked that has calls under way"


async def test_who_is_given_up_and_who_is_back_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Case 70: somebody must hear of a wrong key."""
    caplog.set_level(logging.INFO, logger="tiergate")
    watched = Watched()
    watched.give_up()
    for after_s in (0.0, 1.0, EJECTION_S, PROBE_S, PROBE_S, 0.1, 1.0):
        await watched.look(after_s)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "ERROR",
            "endpoint small/0 is given no more requests: it refuses our key: check `api_key` of this endpoint",
        ),
        ("INFO", "endpoint small/0 serves again"),
    ]


async def test_a_probe_that_fails_by_our_own_fault_is_logged_and_the_watch_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: object) -> Unreachable:
        raise LookupError("a fault of ours")

    watched = Watched()
    watched.give_up()
    watched.gateway.network.plan.general = broken
    await watched.look(EJECTION_S)
    await eventually(lambda: not watched.watch._probes)
    assert "the probe of small/0 failed" in caplog.text
    assert await watched.look() == 1
