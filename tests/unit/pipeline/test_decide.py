"""Which tier is chosen, and that the money for it is held before any server is called."""

import asyncio
from typing import Any

import pytest

from gateway.domain.decision import ReasonCode
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import TierName
from gateway.domain.ledger import Hold, HoldVerdict, Refusal
from gateway.domain.outcome import Outcome
from gateway.domain.request import Operation
from gateway.pipeline.hold import LEDGER_WITHIN_S
from tests.support.behaviours import always, fails, speaks
from tests.support.clocks import ManualClock
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import (
    CHAT,
    GUEST_KEY,
    KEYED,
    TEAM_KEY,
    TWO_TIERS,
    Books,
    Gateway,
    error_of,
    held_until,
    hosts,
)
from tests.support.scripts import Unreachable
from tests.support.waiting import eventually

KEYED_LEFT = {"1": [1_000_000_000], "0.0005": [500_000, 500_000], "0.0001": [100_000]}


class Counting(Books):
    """A ledger that grants what is left at each claim, and remembers."""

    def __init__(self, left_usd_nano: list[int]) -> None:
        super().__init__()
        self.left_usd_nano = iter(left_usd_nano)

    async def hold(self, hold: Hold) -> HoldVerdict:
        """Grant or refuse by what is left now."""
        self.holds.append(hold)
        left = next(self.left_usd_nano)
        return HoldVerdict(Refusal.BUDGET if hold.amount_usd_nano > left else None, 9.0, left)


class Slow(Counting):
    """It takes ten milliseconds to answer."""

    clock: ManualClock

    async def hold(self, hold: Hold) -> HoldVerdict:
        """Take the time."""
        self.clock.advance(0.01)
        return await super().hold(hold)


TINY = KEYED.replace("budget: {usd: 1,", "budget: {usd: 0.00001,")


async def test_a_key_limited_to_a_tier_is_not_sent_elsewhere() -> None:
    gateway = Gateway(KEYED.replace("dial: 1000000", "dial: 0"))
    client = await gateway.ask(CHAT, key=GUEST_KEY)
    assert client.responder.headers[b"x-tiergate-tier"] == b"small"


async def test_what_a_tier_does_not_support_goes_to_one_that_does() -> None:
    gateway = Gateway()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    client = await gateway.ask({"model": "auto", "messages": [{"role": "user", "content": [image]}]})
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    assert gateway.receipt.decision is not None
    assert gateway.receipt.decision.reason == "only_able"


async def test_a_tier_whose_servers_are_all_down_is_passed_over() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(*[always(Unreachable()), always(Unreachable()), speaks()] * 5)
    for seed in range(5):
        gateway.clock.advance(2.0)
        await gateway.ask({**CHAT, "seed": seed})
    client = await gateway.ask({**CHAT, "seed": 5})
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    assert client.responder.headers[b"x-tiergate-attempts"] == b"1"


async def test_when_every_tier_is_down_the_client_is_told_at_once_and_one_request_a_second_tries() -> None:
    gateway = Gateway()
    gateway.network.plan.general = always(Unreachable())
    for seed in range(5):
        gateway.clock.advance(2.0)
        refused = await gateway.ask({**CHAT, "seed": seed})
        assert refused.responder.status == 502
    asked = len(gateway.network.requests)
    refused = await gateway.ask({**CHAT, "seed": 5})
    assert (refused.responder.status, error_of(refused)["code"]) == (503, "tier_unavailable")
    assert refused.responder.headers[b"retry-after"] == b"8", "when the first is looked at again"
    assert len(gateway.network.requests) == asked, "no server was bothered"
    gateway.clock.advance(1.0)
    gateway.network.plan.general = speaks()
    assert (await gateway.ask({**CHAT, "seed": 6})).responder.status == 200


async def test_a_pinned_tier_that_is_full_is_refused_with_the_time_it_takes_to_have_room() -> None:
    gateway, released = Gateway(TWO_TIERS.replace("stall: 100ms, answer: 100ms", "in_flight: 1")), asyncio.Event()
    gateway.network.plan.general = held_until(released)
    under_way = [asyncio.create_task(served(gateway, {"model": "small", "seed": seed})) for seed in range(2)]
    await eventually(lambda: len(gateway.network.requests) == 2)
    refused = await served(gateway, {"model": "small", "seed": 2})
    assert (refused.responder.status, error_of(refused)["code"]) == (503, "tier_unavailable")
    assert "small has no room on any endpoint" in error_of(refused)["message"]
    assert refused.responder.headers[b"retry-after"] == b"1"
    routed = asyncio.create_task(served(gateway, {"seed": 3}))
    await eventually(lambda: len(gateway.network.requests) == 3)
    assert hosts(gateway)[-1] == "large:8000", "a request that is not pinned goes where there is room"
    released.set()
    assert [(await task).responder.status for task in (*under_way, routed)] == [200] * 3


async def test_the_hold_covers_the_dearest_rung_and_the_settlement_is_the_charge() -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    await gateway.ask({**CHAT, "max_tokens": 100}, key=TEAM_KEY)
    (hold,), (settlement,) = books.holds, books.settlements
    assert hold.amount_usd_nano >= 100 * 20_000, "a hundred tokens of output on the large tier"
    assert settlement.hold == hold
    assert settlement.charge_usd_nano == gateway.receipt.charge_usd_nano > 0
    assert settlement.tokens == gateway.receipt.usage.total_tokens


@pytest.mark.parametrize("choices", [1, 3])
async def test_the_hold_grows_with_the_choices(choices: int) -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    await gateway.ask({**CHAT, "max_tokens": 1000, "n": choices}, key=TEAM_KEY)
    assert books.holds[0].amount_usd_nano // (1000 * 20_000) == choices


async def test_nothing_is_asked_of_the_ledger_where_nothing_is_limited() -> None:
    books = Books()
    await Gateway(ledger=books).ask(CHAT)
    assert books.holds == []


async def test_a_budget_that_may_not_suffice_refuses_before_any_server_is_called() -> None:
    gateway = Gateway(TINY)
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert client.responder.status == 429
    assert error_of(client)["code"] == ErrorCode.INSUFFICIENT_QUOTA
    assert "0.00001 USD" in error_of(client)["message"]
    assert client.responder.headers[b"x-should-retry"] == b"false"
    assert gateway.network.requests == []
    assert gateway.receipt.outcome is Outcome.THROTTLED


async def test_a_request_that_no_tier_can_serve_is_told_so_and_nothing_is_held() -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {"model": "small", "messages": [{"role": "user", "content": [image]}]}
    client = await gateway.ask(body, key=TEAM_KEY)
    assert client.responder.status == 400
    assert error_of(client)["code"] == ErrorCode.NO_ABLE_TIER
    assert books.holds == []
    assert gateway.receipt.outcome is Outcome.NO_TIER


async def test_with_little_budget_left_the_tiers_that_it_covers_are_asked_instead() -> None:
    """A hundred tokens may cost 0.0002 USD on the small tier, and ten times that on the large one."""
    gateway = Gateway(KEYED.replace("budget: {usd: 1,", "budget: {usd: 0.0005,"))
    client = await gateway.ask({**CHAT, "max_tokens": 100}, key=TEAM_KEY)
    assert client.responder.headers[b"x-tiergate-tier"] == b"small"
    assert gateway.receipt.decision is not None
    assert gateway.receipt.decision.ladder == ("small",)
    small, large = gateway.receipt.decision.views
    assert (small.removed_by, large.removed_by) == (None, ReasonCode.BUDGET)
    gateway.network.plan.general = fails(500)
    await gateway.ask({**CHAT, "max_tokens": 100, "seed": 1}, key=TEAM_KEY)
    assert {attempt.tier for attempt in gateway.receipt.attempts} == {"small"}, "no rung that is not paid for"


async def test_the_second_hold_is_settled_like_any_other() -> None:
    gateway = Gateway(KEYED.replace("budget: {usd: 1,", "budget: {usd: 0.0005,"))
    spent_usd_nano = 0
    for seed in range(40):
        client = await gateway.ask({**CHAT, "max_tokens": 100, "seed": seed}, key=TEAM_KEY)
        if client.responder.status == 429:
            break
        spent_usd_nano += gateway.receipt.charge_usd_nano
    assert error_of(client)["code"] == ErrorCode.INSUFFICIENT_QUOTA
    assert "even on the cheapest tier" in error_of(client)["message"]
    assert 500_000 - 213_000 < spent_usd_nano <= 500_000


async def test_the_ledger_is_asked_again_only_where_something_would_fit() -> None:
    for usd, times in (("1", 1), ("0.0005", 2), ("0.0001", 1)):
        ledger = Counting(KEYED_LEFT[usd])
        gateway = Gateway(KEYED, ledger=ledger)
        await gateway.ask({**CHAT, "max_tokens": 100}, key=TEAM_KEY)
        assert len(ledger.holds) == times


async def test_both_claims_of_a_request_share_its_wait_for_the_ledger() -> None:
    ledger = Slow(KEYED_LEFT["0.0005"])
    gateway = Gateway(KEYED, ledger=ledger)
    ledger.clock = gateway.clock
    await gateway.ask({**CHAT, "max_tokens": 100}, key=TEAM_KEY)
    first, second = ledger.holds
    assert first.within_s == LEDGER_WITHIN_S
    assert second.within_s == pytest.approx(LEDGER_WITHIN_S - 0.01)


async def test_a_budget_that_others_use_up_in_between_refuses_after_all() -> None:
    ledger = Counting([500_000, 100_000])
    gateway = Gateway(KEYED, ledger=ledger)
    client = await gateway.ask({**CHAT, "max_tokens": 100}, key=TEAM_KEY)
    assert error_of(client)["code"] == ErrorCode.INSUFFICIENT_QUOTA
    assert "may cost 0.000213 USD" in error_of(client)["message"]
    assert len({hold.request_id for hold in ledger.holds}) == len(ledger.holds) == 2
    assert ledger.settlements == [], "nothing was held"


async def test_a_tier_that_was_passed_over_answers_where_only_it_is_paid_for() -> None:
    policy = KEYED.replace("    limits:", "    slo: {ttft_p95: 50ms}\n    limits:")
    gateway = Gateway(policy, ledger=Counting([500_000, 500_000]))
    small = gateway.policy.snapshot.tiers[TierName("small")]
    for _ in range(20):
        gateway.world.slos.first_content(small, 10, 0.06, gateway.clock.now_s())
    client = await gateway.ask({**CHAT, "max_tokens": 100}, key=TEAM_KEY)
    assert client.responder.headers[b"x-tiergate-tier"] == b"small"


async def test_a_pinned_tier_that_the_budget_does_not_cover_is_not_replaced() -> None:
    ledger = Counting([500_000])
    client = await Gateway(KEYED, ledger=ledger).ask({**CHAT, "model": "large", "max_tokens": 100}, key=TEAM_KEY)
    assert error_of(client)["code"] == ErrorCode.INSUFFICIENT_QUOTA
    assert len(ledger.holds) == 1


async def served(gateway: Gateway, changes: dict[str, Any]) -> FakeClient:
    """Ask beside others."""
    client = gateway.client({**CHAT, **changes})
    await gateway.pipeline(Operation.CHAT, client.inbound, client.responder)
    return client
