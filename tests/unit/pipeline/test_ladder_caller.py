"""What is counted of each server, which servers are left alone, and which requests are sent to none."""

import asyncio
from typing import Any

import httpx
import pytest

from gateway.core.breaker import Failure, Standing
from gateway.core.concurrency import LIMIT_MIN
from gateway.core.endpoint_state import EndpointState
from gateway.core.quarantine import KEPT_S
from gateway.domain.ids import TierName
from gateway.domain.ledger import Hold, HoldVerdict
from gateway.domain.outcome import FailureKind
from gateway.ports import OwnShortage
from tests.support.behaviours import always, breaks_after, breaks_before, fails, speaks, stalls_before
from tests.support.gateways import (
    CHAT,
    KEYED,
    STREAM,
    TEAM_KEY,
    TWO_TIERS,
    Books,
    Gateway,
    error_of,
    failures,
    held_until,
    hosts,
)
from tests.support.scripts import Behaviour, End, Reply, Script, SeenRequest, Unreachable
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
    states = [state_of(gateway, name, 0) for name in ("small", "large")] + [state_of(gateway, "small", 1)]
    assert [(one.in_flight, one.prompt_tokens, one.outstanding_tokens) for one in states] == [(0, 0, 0)] * 3


async def test_a_call_that_outlives_its_servers_place_in_the_policy_is_counted_off_what_it_was_counted_on() -> None:
    gateway, released = Gateway(), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    serving = asyncio.create_task(gateway.ask(CHAT))
    await eventually(lambda: gateway.network.requests)
    gateway.world.endpoints.forget_all_but(())
    released.set()
    await serving
    for endpoint in gateway.policy.snapshot.tiers[TierName("small")].endpoints:
        assert gateway.world.endpoints.state(endpoint).in_flight == 0


@pytest.mark.parametrize(
    ("behaviour", "body", "cause"),
    [
        (always(Unreachable()), CHAT, Failure.UNREACHABLE),
        (fails(500), CHAT, Failure.SERVER),
        (fails(503, retry_after="2"), CHAT, Failure.SERVER),
        (stalls_before(), CHAT, Failure.SLOW),
        (stalls_before(), STREAM, Failure.SLOW),
        (breaks_after(1, End.CLOSE), STREAM, Failure.SERVER),
    ],
)
async def test_five_failures_of_a_server_eject_it(behaviour: Behaviour, body: dict[str, Any], cause: Failure) -> None:
    gateway = Gateway(TWO_TIERS.replace(', {url: "http://small-b:8000/v1"}', ""))
    state = state_of(gateway, "small", 0)
    for seed in range(5):
        assert state.breaker.standing is Standing.HEALTHY
        gateway.network.plan.queue(behaviour)
        await gateway.ask({**body, "seed": seed})
        gateway.clock.advance(2.0)
    assert (state.breaker.standing, state.breaker.cause) == (Standing.EJECTED, cause)


@pytest.mark.parametrize(
    "behaviour",
    [
        fails(429, retry_after="0"),
        fails(400),
        always(Unreachable(httpx.PoolTimeout)),
        always(Unreachable(OwnShortage)),
    ],
)
async def test_what_is_not_a_servers_fault_ejects_nobody(behaviour: Behaviour) -> None:
    gateway = Gateway()
    gateway.network.plan.general = behaviour
    for seed in range(12):
        await gateway.ask({**CHAT, "seed": seed})
    assert [state_of(gateway, "small", place).breaker.standing for place in (0, 1)] == [Standing.HEALTHY] * 2


@pytest.mark.parametrize("status", [401, 403])
async def test_a_server_that_refuses_our_key_is_ejected_at_once_and_its_answer_not_told(status: int) -> None:
    """Case 70."""
    gateway = Gateway()
    gateway.network.plan.general = fails(status)
    client = await gateway.ask(CHAT)
    assert client.responder.status == 502
    assert error_of(client)["code"] == "upstream_error"
    assert "scripted" not in error_of(client)["message"]
    for name, place in (("small", 0), ("small", 1), ("large", 0)):
        assert state_of(gateway, name, place).breaker.ejected == {Failure.CREDENTIALS: 1}


async def test_a_busy_server_is_given_less_at_once_and_not_ejected() -> None:
    """Case 68: the limit learns of it, the breaker does not."""
    gateway = Gateway()
    gateway.network.plan.queue(fails(429, retry_after="3600"))
    await gateway.ask(CHAT)
    state = state_of(gateway, "small", 0)
    assert state.concurrency.most(64) == LIMIT_MIN
    assert state.standing(gateway.clock.now_s()) == "busy"
    assert state.busy_until_s == gateway.clock.now_s() + 60.0


async def test_an_endpoint_that_refuses_connections_is_passed_over_and_the_client_sees_only_success() -> None:
    """Case 60."""
    gateway = Gateway()
    gateway.network.plan.general = lambda request: (
        Unreachable() if request.header(b"host") == b"small-a:8000" else speaks()(request)
    )
    for seed in range(20):
        gateway.clock.advance(1.0)
        assert (await gateway.ask({**CHAT, "seed": seed})).responder.headers[b"x-tiergate-tier"] == b"small"
    assert hosts(gateway).count("small-a:8000") == 5, "then it is left alone"


async def test_a_server_that_swallows_connections_costs_its_connect_limit_and_the_next_is_asked() -> None:
    """Case 61: the transport keeps the limit that the tier gives it."""
    gateway = Gateway()
    gateway.network.plan.queue(always(Unreachable(httpx.ConnectTimeout)))
    client = await gateway.ask(CHAT)
    assert (client.responder.status, failures(gateway)) == (200, [FailureKind.CONNECT, None])
    assert state_of(gateway, "small", 0).breaker.row == 1


async def test_want_of_a_file_for_a_connection_is_told_to_the_client_and_held_against_nobody() -> None:
    """Case 115."""
    gateway = Gateway()
    gateway.network.plan.general = always(Unreachable(OwnShortage))
    for seed in range(12):
        assert (await gateway.ask({**CHAT, "seed": seed})).responder.status == 502
    gateway.network.plan.general = speaks()
    assert (await gateway.ask(CHAT)).responder.headers[b"x-tiergate-tier"] == b"small"


async def test_a_full_pool_goes_to_another_endpoint() -> None:
    """Case 64."""
    gateway = Gateway()
    gateway.network.plan.queue(always(Unreachable(httpx.PoolTimeout)))
    client = await gateway.ask(CHAT)
    assert (client.responder.status, failures(gateway)) == (200, [FailureKind.CONNECT, None])


async def test_how_long_beginnings_and_whole_answers_take_is_learnt_by_endpoint() -> None:
    gateway = Gateway()
    for body in (STREAM, CHAT, {**CHAT, "model": "small", "seed": 1}):
        await gateway.ask(body)
    gateway.network.plan.general = speaks(usage=False)
    await gateway.ask({**CHAT, "seed": 2})
    assert state_of(gateway, "small", 0).slowness.ratio == 1.0
    assert gateway.world.endpoints.servers(gateway.policy.snapshot.tiers[TierName("small")]).usual_tokens > 0


async def test_what_our_own_loop_is_late_is_no_slowness_of_a_server() -> None:
    gateway = Gateway()

    def after_three_seconds(request: SeenRequest) -> Script:
        gateway.clock.advance(3.0)
        return speaks()(request)

    gateway.network.plan.general = after_three_seconds
    for lag_s, is_slow in ((1.0, False), (0.0, True)):
        gateway.world.admission.pressure.lag_s = lag_s
        await gateway.ask({**STREAM, "model": "small", "seed": int(lag_s)})
        assert (max(state_of(gateway, "small", at).slowness.ratio for at in (0, 1)) > 1.5) is is_slow


class CrowdedMeanwhile(Books):
    """Before a hold is granted, others take every place on the small tier."""

    gateway: Gateway

    async def hold(self, hold: Hold) -> HoldVerdict:
        """Take the places, then grant it."""
        tier, now_s = self.gateway.policy.snapshot.tiers[TierName("small")], self.gateway.clock.now_s()
        for _ in tier.endpoints:
            assert self.gateway.world.endpoints.take(tier, now_s, 0.0, prompt_tokens=1, answer_tokens=1)
        return await super().hold(hold)


async def test_a_place_lost_since_the_decision_is_an_attempt_that_was_not_sent() -> None:
    ledger = CrowdedMeanwhile()
    ledger.gateway = gateway = Gateway(KEYED.replace("stall: 100ms, answer", "in_flight: 1, answer"), ledger=ledger)
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert (client.responder.headers[b"x-tiergate-tier"], hosts(gateway)) == (b"large", ["large:8000"])
    assert failures(gateway) == [FailureKind.BUSY, None]
    assert "not sent" in gateway.receipt.attempts[0].detail


class Crashing:
    """Servers that die of one question: those it reached refuse every connection from then on."""

    def __init__(self, *, port_is_closed: bool = True) -> None:
        self.dead: set[bytes | None] = set()
        self.sent: list[bytes | None] = []
        self._closes = port_is_closed

    def __call__(self, request: SeenRequest) -> Script:
        """Die of the question, or answer."""
        host = request.header(b"host")
        if host in self.dead:
            return Unreachable() if self._closes else Reply(before=(End.RESET,))
        if b"of death" not in request.body:
            return speaks()(request)
        self.sent.append(host)
        self.dead.add(host)
        return Reply(before=(End.RESET,))


DEADLY = {**CHAT, "messages": [{"role": "user", "content": "the query of death"}]}
FOUR = TWO_TIERS.replace(
    '{url: "http://small-b:8000/v1"}', ", ".join(f'{{url: "http://small-{name}:8000/v1"}}' for name in "bcd")
)


async def test_a_query_of_death_kills_two_servers_and_the_fleet_survives() -> None:
    """Case 81."""
    gateway, crashing = Gateway(FOUR), Crashing()
    gateway.network.plan.general = crashing
    client = await gateway.ask(DEADLY)
    assert (client.responder.status, error_of(client)["code"]) == (400, "request_quarantined")
    assert len(crashing.sent) == len(crashing.dead) == 2
    again = await gateway.ask({**DEADLY, "stream": True})
    assert (again.responder.status, len(crashing.sent)) == (400, 2), "streamed or not, it is the same question"
    gateway.clock.advance(2.0)
    assert (await gateway.ask(CHAT)).responder.status == 200
    gateway.clock.advance(KEPT_S)
    await gateway.ask(DEADLY)
    assert len(crashing.sent) == 3, "it is given another chance"


async def test_what_was_lost_on_servers_that_live_is_sent_on() -> None:
    gateway = Gateway(FOUR)
    gateway.network.plan.queue(*[breaks_before(End.RESET)] * 2)
    gateway.clock.advance(1.0)
    client = await gateway.ask(CHAT)
    assert client.responder.status == 200
    assert [seen.path for seen in gateway.network.requests].count("/v1/models") == 2, "they were looked at"
    assert gateway.world.endpoints.quarantine.is_empty


async def test_what_three_servers_were_lost_on_without_a_sign_waits() -> None:
    gateway = Gateway(FOUR.replace("dial: 1000000,", "dial: 1000000, fallback: {max_attempts: 4},"))
    crashing = Crashing(port_is_closed=False)
    gateway.network.plan.general = crashing
    client = await gateway.ask(DEADLY)
    assert (client.responder.status, error_of(client)["code"]) == (503, "tier_unavailable")
    assert (len(crashing.sent), client.responder.headers[b"retry-after"]) == (3, b"1")


def state_of(gateway: Gateway, tier: str, position: int) -> EndpointState:
    """Return what is known of an endpoint."""
    return gateway.world.endpoints.state(gateway.policy.snapshot.tiers[TierName(tier)].endpoints[position])
