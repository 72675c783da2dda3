"""What keeps requests from tiers at a moment: callers' limits, and objectives that tiers miss."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.breaker import Failure
from gateway.core.slo_window import WINDOW_S
from gateway.domain.ability import Score, ScorerChoice
from gateway.domain.decision import ReasonCode
from gateway.domain.ids import TierName
from gateway.domain.outcome import NoRetry, Outcome
from gateway.domain.request import CanonicalRequest, Operation
from gateway.pipeline.drive import Pipeline
from tests.support.behaviours import fails, stalls_before
from tests.support.clocks import ManualClock
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import (
    CHAT,
    CLOSED,
    GUEST_KEY,
    STREAM,
    TEAM_KEY,
    TWO_TIERS,
    Books,
    FixedScorer,
    Gateway,
    error_of,
    held_until,
    hosts,
)
from tests.support.scripts import Behaviour, Hold, Reply, Script, SeenRequest
from tests.support.waiting import eventually

HELD = TWO_TIERS.replace("    limits:", "    slo: {ttft_p95: 50ms, itl_p95: 10ms}\n    limits:")
SMALL, LARGE = TierName("small"), TierName("large")
DEADLINE, COST = b"x-tiergate-deadline-ms", b"x-tiergate-max-cost-usd"


class SlowScorer(FixedScorer):
    """Takes three tenths of a second."""

    clock: ManualClock

    async def score(self, request: CanonicalRequest, choice: ScorerChoice, asks: Callable[[Score], bool]) -> Score:
        """Let time pass."""
        self.clock.advance(0.3)
        return await FixedScorer.score(self, request, choice, asks)


def seen(gateway: Gateway, tier: TierName, *, ttft_s: float, itl_s: float = 0.001, count: int = 20) -> None:
    """Let streams of a tier have taken so long."""
    now_s, known = gateway.clock.now_s(), gateway.policy.snapshot.tiers[tier]
    for _ in range(count):
        gateway.world.slos.first_content(known, 10, ttft_s, now_s)
        gateway.world.slos.finished(known, itl_s, now_s)


def removed(gateway: Gateway) -> dict[str, ReasonCode | None]:
    decision = gateway.receipt.decision
    assert decision is not None
    return {view.tier: view.removed_by for view in decision.views}


def busy_from(released: asyncio.Event) -> Behaviour:
    """Let a server say that it is busy, once the event is set."""

    def behave(request: SeenRequest) -> Script:
        script = fails(429)(request)
        assert isinstance(script, Reply)
        return replace(script, before=(Hold(released),))

    return behave


def with_chance(gateway: Gateway, chance: float) -> Gateway:
    gateway.world = replace(gateway.world, chance=lambda: chance)
    gateway.pipeline = Pipeline(gateway.world)
    return gateway


async def test_a_tier_that_misses_its_objective_loses_a_tenth_of_its_requests_before_they_are_tried_there() -> None:
    for chance, chosen in ((0.05, "large"), (0.0999, "large"), (0.1, "small"), (0.9, "small")):
        gateway = with_chance(Gateway(HELD), chance)
        seen(gateway, SMALL, ttft_s=0.06)
        client = await gateway.ask(CHAT)
        assert client.responder.headers[b"x-tiergate-tier"] == chosen.encode()
        assert removed(gateway) == {"small": ReasonCode.SLO if chosen == "large" else None, "large": None}


async def test_no_tier_that_misses_its_objective_loses_its_last_tenth_or_what_only_it_can_do() -> None:
    gateway = with_chance(Gateway(HELD), 0.899)
    for seed in range(30):
        seen(gateway, SMALL, ttft_s=0.06)
        gateway.clock.advance(10.0)
        await gateway.ask({**CHAT, "seed": seed})
    assert removed(gateway)["small"] is ReasonCode.SLO
    pinned = await gateway.ask({**CHAT, "model": "small"})
    assert pinned.responder.headers[b"x-tiergate-tier"] == b"small"
    gateway = with_chance(gateway, 0.901)
    await gateway.ask({**CHAT, "seed": 30})
    assert removed(gateway)["small"] is None


async def test_where_every_tier_misses_its_objective_requests_go_to_the_one_that_misses_it_less() -> None:
    gateway = with_chance(Gateway(HELD), 0.05)
    seen(gateway, SMALL, ttft_s=0.06)
    seen(gateway, LARGE, ttft_s=0.06)
    await gateway.ask(CHAT)
    assert removed(gateway) == {"small": None, "large": None}
    gateway.clock.advance(10.0)
    gateway = with_chance(gateway, 0.15)
    seen(gateway, SMALL, ttft_s=0.06)
    await gateway.ask({**CHAT, "seed": 1})
    assert removed(gateway)["small"] is None, "both have gone on by a step"


async def test_a_tier_passed_over_still_answers_when_the_others_fail() -> None:
    gateway = Gateway(HELD)
    seen(gateway, SMALL, ttft_s=0.06)
    gateway.network.plan.queue(fails(500))
    client = await gateway.ask(CHAT)
    assert client.responder.headers[b"x-tiergate-tier"] == b"small"
    assert hosts(gateway)[0] == "large:8000"


async def test_what_is_seen_of_streams_is_what_counts() -> None:
    gateway = Gateway(HELD)
    gateway.network.plan.models["answer"] = stalls_before()
    for seed in range(2):
        await gateway.ask({**STREAM, "seed": seed})
    small, large = gateway.world.slos.tier(SMALL), gateway.world.slos.tier(LARGE)
    assert (small.ttft.missed, small.ttft.total) == (2, 2), "given up for want of a first token"
    assert (large.ttft.missed, large.ttft.total) == (0, 2)
    assert (small.itl.total, large.itl.total) == (0, 2)
    del gateway.network.plan.models["answer"]
    await gateway.ask({**CHAT, "seed": 2})
    assert small.ttft.total == 2, "a whole answer has no first token"


async def test_a_plan_that_cannot_fit_the_deadline_is_refused_at_once_with_what_each_tier_would_need() -> None:
    gateway = Gateway()
    seen(gateway, SMALL, ttft_s=0.4)
    seen(gateway, LARGE, ttft_s=2.0)
    client = await gateway.ask({**CHAT, "max_tokens": 10}, headers=((DEADLINE, b"200"),))
    error = error_of(client)
    assert (client.responder.status, error["code"]) == (504, "deadline_exceeded")
    assert "small would need about" in error["message"]
    assert "large would need about" in error["message"]
    assert "200 ms are left" in error["message"]
    assert client.responder.headers[b"x-should-retry"] == b"false"
    assert gateway.network.requests == []
    assert gateway.receipt.outcome is Outcome.DEADLINE


async def test_tiers_that_do_not_fit_are_left_out_of_the_ladder_and_the_receipt_says_why() -> None:
    gateway = Gateway()
    seen(gateway, SMALL, ttft_s=0.4)
    await gateway.ask({**CHAT, "max_tokens": 10}, headers=((DEADLINE, b"300"),))
    assert removed(gateway) == {"small": ReasonCode.DEADLINE, "large": None}
    assert hosts(gateway) == ["large:8000"]
    await gateway.ask({**CHAT, "max_tokens": 10, "seed": 1}, headers=((COST, b"0.0001"),))
    assert removed(gateway) == {"small": None, "large": ReasonCode.COST}
    assert gateway.receipt.decision is not None
    assert gateway.receipt.decision.ladder == ("small",)


async def test_the_time_already_spent_is_not_left() -> None:
    scorer = SlowScorer()
    gateway = Gateway(scorer=scorer)
    scorer.clock = gateway.clock
    seen(gateway, SMALL, ttft_s=0.4)
    ask = {**CHAT, "max_tokens": 1}
    await gateway.ask(ask, headers=((DEADLINE, b"800"),))
    assert removed(gateway)["small"] is None
    await gateway.ask({**ask, "seed": 1}, headers=((DEADLINE, b"600"),))
    assert removed(gateway)["small"] is ReasonCode.DEADLINE
    gateway.clock.advance(WINDOW_S)
    await gateway.ask({**ask, "seed": 2}, headers=((DEADLINE, b"600"),))
    assert removed(gateway)["small"] is None, "what was seen long ago says nothing"


async def test_a_ceiling_that_no_tier_keeps_is_refused_with_what_each_may_cost() -> None:
    gateway = Gateway()
    client = await gateway.ask({**CHAT, "max_tokens": 100}, headers=((COST, b"0.0001"),))
    error = error_of(client)
    assert (client.responder.status, error["code"]) == (402, "cost_ceiling_exceeded")
    assert error["param"] == "x-tiergate-max-cost-usd"
    assert "small may cost 0.000213 USD, and 0.0001 USD are allowed" in error["message"]
    assert client.responder.headers[b"x-should-retry"] == b"false"
    assert gateway.network.requests == []
    assert gateway.receipt.outcome is Outcome.CLIENT_REJECTED


@pytest.mark.parametrize(("name", "value"), [(DEADLINE, b"soon"), (COST, b"cheap")])
async def test_a_limit_that_is_none_is_told_by_its_name(name: bytes, value: bytes) -> None:
    client = await Gateway().ask(CHAT, headers=((name, value),))
    assert (client.responder.status, error_of(client)["param"]) == (400, name.decode())


async def test_the_callers_deadline_ends_the_climb() -> None:
    gateway = Gateway(TWO_TIERS.replace("ttft: 100ms, stall: 100ms, answer: 100ms", "ttft: 1m"))
    gateway.network.plan.general = stalls_before()
    client = await gateway.ask(CHAT, headers=((DEADLINE, b"150"),))
    assert (client.responder.status, error_of(client)["code"]) == (504, "deadline_exceeded")
    assert gateway.network.requests[0].gone.is_set()


LARGE_SERVERS = '    endpoints: [{url: "http://large'
TIGHT = TWO_TIERS.replace("answer: 100ms}\n" + LARGE_SERVERS, "answer: 1m, in_flight: 10}\n" + LARGE_SERVERS)
"""Of the large tier's ten places climbs may have two."""


async def beside(gateway: Gateway, body: dict[str, Any]) -> FakeClient:
    """Ask while others are under way."""
    client = gateway.client(body)
    await gateway.pipeline(Operation.CHAT, client.inbound, client.responder)
    return client


@asynccontextmanager
async def climbing(gateway: Gateway) -> AsyncIterator[None]:
    """Let two requests climb into the large tier, which answers them behind the block."""
    released = asyncio.Event()
    gateway.network.plan.models["answer-large"] = held_until(released)
    climbs = [asyncio.create_task(beside(gateway, {**CHAT, "seed": seed})) for seed in range(2)]
    await eventually(lambda: hosts(gateway).count("large:8000") == 2)
    try:
        yield
    finally:
        released.set()
    assert [(await climb).responder.status for climb in climbs] == [200, 200]


async def test_when_a_cheap_tier_dies_a_fifth_of_the_dearer_one_is_all_that_climbs_and_the_rest_is_told_when() -> None:
    gateway = Gateway(TIGHT)
    eject(gateway, "small")
    async with climbing(gateway):
        client = await beside(gateway, {**CHAT, "seed": 9})
        error = error_of(client)
        assert (error["code"], client.responder.headers[b"retry-after"]) == ("tier_unavailable", b"1")
        assert "large takes no more requests that are meant for cheaper tiers for 0.5 s" in error["message"]
        assert hosts(gateway) == ["large:8000"] * 2
    assert (await gateway.ask({**CHAT, "seed": 10})).responder.status == 200


async def test_a_climb_is_over_however_its_request_ends() -> None:
    gateway = Gateway(TIGHT + CLOSED, ledger=Books(answers=False))
    eject(gateway, "small")
    for seed in range(3):
        client = await gateway.ask({**CHAT, "seed": seed}, key=TEAM_KEY)
        assert error_of(client)["code"] == "ledger_unavailable"
    assert gateway.world.storms.reopens_in_s(gateway.policy.snapshot.tiers[LARGE]) == 0.0


async def test_requests_that_are_meant_for_the_dearer_tier_go_there_in_a_storm_as_well() -> None:
    gateway = Gateway(TIGHT)
    eject(gateway, "small")
    async with climbing(gateway):
        asked = asyncio.create_task(beside(gateway, {**CHAT, "model": "large", "seed": 4}))
        await eventually(lambda: len(gateway.network.requests) == 3)
    assert (await asked).responder.status == 200


async def test_a_tier_that_is_slow_keeps_the_requests_that_may_not_climb() -> None:
    gateway = Gateway(TIGHT.replace("    limits:", "    slo: {ttft_p95: 50ms}\n    limits:"))
    seen(gateway, SMALL, ttft_s=0.06)
    async with climbing(gateway):
        client = await beside(gateway, {**CHAT, "seed": 2})
        assert client.responder.headers[b"x-tiergate-tier"] == b"small"
        assert removed(gateway) == {"small": None, "large": ReasonCode.COST_STORM}


async def test_whoever_would_climb_in_a_storm_is_told_when_one_more_may() -> None:
    gateway = Gateway(TIGHT)
    gateway.network.plan.models["answer"] = fails(500)
    async with climbing(gateway):
        client = await beside(gateway, {**CHAT, "seed": 2})
        error = error_of(client)
        assert (error["code"], gateway.receipt.no_retry) == ("tier_unavailable", NoRetry.COST_STORM)
        assert client.responder.headers[b"retry-after"] == b"1"
        assert "Dearer tiers take no more of such requests for now." in error["message"]
        assert gateway.world.storms.reopens_in_s(gateway.policy.snapshot.tiers[LARGE]) > 0.0
    assert gateway.world.storms.reopens_in_s(gateway.policy.snapshot.tiers[LARGE]) == 0.0


async def test_a_crowd_that_fails_at_once_climbs_no_further_than_one_after_another() -> None:
    gateway, released, answered = Gateway(TIGHT), asyncio.Event(), asyncio.Event()
    gateway.network.plan.models |= {"answer": busy_from(released), "answer-large": held_until(answered)}
    clients = [gateway.client({**CHAT, "seed": seed}) for seed in range(6)]
    crowd = [asyncio.create_task(gateway.pipeline(Operation.CHAT, one.inbound, one.responder)) for one in clients]
    await eventually(lambda: len(gateway.network.requests) == len(crowd))
    released.set()
    await eventually(lambda: sum(one.done() for one in crowd) == 4)
    assert hosts(gateway).count("large:8000") == 2
    answered.set()
    await asyncio.gather(*crowd)
    assert sorted(client.responder.status or 0 for client in clients)[:2] == [200, 200]


CAPPED = TWO_TIERS.replace("dial: 1000000", "dial: 0") + (
    "tenants: {team: {keys: [env:SEARCH_KEY], strongest_share: 40%}, guest: {keys: [env:BATCH_KEY]}}\n"
)
"""At such a dial every request looks as if it needed the large tier."""


async def test_a_key_whose_requests_all_look_hard_gets_no_more_than_its_share_of_the_strongest_tier() -> None:
    gateway = Gateway(CAPPED)
    tiers = [
        (await gateway.ask({**CHAT, "seed": seed}, key=TEAM_KEY)).responder.headers[b"x-tiergate-tier"]
        for seed in range(119)
    ]
    assert tiers[:20] == [b"large"] * 20, "so few say nothing"
    assert tiers.count(b"large") == 47
    assert set(tiers[20:50]) == {b"small"}
    assert removed(gateway) == {"small": None, "large": ReasonCode.STRONGEST_SHARE}
    other = await gateway.ask({**CHAT, "seed": 120}, key=GUEST_KEY)
    assert other.responder.headers[b"x-tiergate-tier"] == b"large"
    pinned = await gateway.ask({**CHAT, "model": "large", "seed": 121}, key=TEAM_KEY)
    assert pinned.responder.headers[b"x-tiergate-tier"] == b"large", (
        "a model's name is asked for, not made to look hard"
    )
    gateway.clock.advance(3_600.0)
    later = await gateway.ask({**CHAT, "seed": 122}, key=TEAM_KEY)
    assert later.responder.headers[b"x-tiergate-tier"] == b"large"


def eject(gateway: Gateway, tier: str) -> None:
    """Let every server of a tier be found down."""
    tier_itself, now_s = gateway.policy.snapshot.tiers[TierName(tier)], gateway.clock.now_s()
    for _ in tier_itself.endpoints:
        place = gateway.world.endpoints.take(tier_itself, now_s, 0.0, prompt_tokens=1, answer_tokens=1)
        assert place is not None
        place.failed(Failure.CREDENTIALS, now_s, 0.5)
        place.leave(now_s)
