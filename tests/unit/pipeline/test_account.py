"""Money and rates along the journey: held before the work, settled exactly after it, given back when there was none."""

import asyncio
from dataclasses import dataclass, field

import pytest

from gateway.domain.errors import ErrorCode
from gateway.domain.ledger import UNLIMITED, Hold, HoldVerdict, Settlement
from gateway.domain.outcome import Outcome
from gateway.ports import LedgerUnavailable
from tests.support.behaviours import fails
from tests.support.gateways import CHAT, CLOSED, GUEST_KEY, TEAM_KEY, TWO_TIERS, Gateway, error_of, held_until
from tests.support.waiting import eventually

POLICY = TWO_TIERS + CLOSED
TINY = POLICY.replace("budget: {usd: 1,", "budget: {usd: 0.00001,")


@dataclass(slots=True)
class Books:
    """A ledger that grants everything and remembers, or never answers."""

    answers: bool = True
    holds: list[Hold] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)

    async def hold(self, hold: Hold) -> HoldVerdict:
        self.holds.append(hold)
        if not self.answers:
            raise LedgerUnavailable
        return UNLIMITED

    async def settle(self, settlement: Settlement) -> None:
        self.settlements.append(settlement)

    async def aclose(self) -> None:
        """Nothing is open."""


async def test_the_hold_covers_the_dearest_rung_and_the_settlement_is_the_charge() -> None:
    books = Books()
    gateway = Gateway(POLICY, ledger=books)
    await gateway.ask({**CHAT, "max_tokens": 100}, key=TEAM_KEY)
    (hold,), (settlement,) = books.holds, books.settlements
    assert hold.amount_usd_nano >= 100 * 20_000, "a hundred tokens of output on the large tier"
    assert settlement.hold == hold
    assert settlement.charge_usd_nano == gateway.receipt.charge_usd_nano > 0
    assert settlement.tokens == gateway.receipt.usage.total_tokens


async def test_nothing_is_asked_of_the_ledger_where_nothing_is_limited() -> None:
    books = Books()
    await Gateway(ledger=books).ask(CHAT)
    assert books.holds == []


async def test_a_failed_request_gives_its_hold_back() -> None:
    books = Books()
    gateway = Gateway(POLICY, ledger=books)
    gateway.network.plan.general = fails(500)
    await gateway.ask(CHAT, key=TEAM_KEY)
    assert [one.charge_usd_nano for one in books.settlements] == [0]


async def test_a_cache_hit_counts_as_a_request_and_costs_nothing() -> None:
    books = Books()
    gateway = Gateway(POLICY, ledger=books)
    await gateway.ask(CHAT, key=TEAM_KEY)
    await gateway.ask(CHAT, key=TEAM_KEY)
    assert gateway.receipt.outcome is Outcome.SUCCESS_CACHE_EXACT
    assert books.holds[1].amount_usd_nano == 0
    assert [one.charge_usd_nano > 0 for one in books.settlements] == [True, False]


async def test_a_client_that_leaves_is_settled_all_the_same() -> None:
    books = Books()
    gateway = Gateway(POLICY, ledger=books)
    gateway.network.plan.general = held_until(asyncio.Event())
    client = gateway.client(CHAT, key=TEAM_KEY)
    serving = asyncio.create_task(gateway.serve(client))
    await eventually(lambda: gateway.network.requests)
    client.leave()
    await serving
    assert len(books.settlements) == 1


async def test_a_budget_that_may_not_suffice_refuses_before_any_server_is_called() -> None:
    gateway = Gateway(TINY)
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert client.responder.status == 429
    assert error_of(client)["code"] == ErrorCode.INSUFFICIENT_QUOTA
    assert "0.00001 USD" in error_of(client)["message"]
    assert client.responder.headers[b"x-should-retry"] == b"false"
    assert gateway.network.requests == []
    assert gateway.receipt.outcome is Outcome.THROTTLED


async def test_what_is_settled_below_the_hold_is_free_for_the_next() -> None:
    gateway = Gateway(POLICY.replace("budget: {usd: 1,", "budget: {usd: 0.1,"))
    for seed in range(5):
        client = await gateway.ask({**CHAT, "seed": seed}, key=TEAM_KEY)
        assert client.responder.status == 200, "each hold is nearly the whole budget, each charge next to nothing"


async def test_requests_a_minute_are_limited_and_the_wait_is_told() -> None:
    gateway = Gateway(POLICY)
    for seed in range(2):
        assert (await gateway.ask({**CHAT, "seed": seed}, key=GUEST_KEY)).responder.status == 200
    client = await gateway.ask({**CHAT, "seed": 2}, key=GUEST_KEY)
    assert error_of(client)["code"] == ErrorCode.RATE_LIMIT_EXCEEDED
    assert 0 < int(client.responder.headers[b"retry-after"]) <= 60
    gateway.clock.advance(60)
    assert (await gateway.ask({**CHAT, "seed": 3}, key=GUEST_KEY)).responder.status == 200


async def test_a_budget_that_cannot_be_checked_is_refused_and_the_hold_given_back() -> None:
    books = Books(answers=False)
    gateway = Gateway(POLICY, ledger=books)
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert client.responder.status == 503
    assert error_of(client)["code"] == ErrorCode.LEDGER_UNAVAILABLE
    assert [one.charge_usd_nano for one in books.settlements] == [0], "its answer may have been lost on the way"


async def test_mere_rates_are_let_pass_while_the_ledger_is_down() -> None:
    gateway = Gateway(POLICY, ledger=Books(answers=False))
    assert (await gateway.ask(CHAT, key=GUEST_KEY)).responder.status == 200


async def test_a_ledger_that_cannot_settle_is_reported_and_the_client_not_told() -> None:
    class Lost(Books):
        async def settle(self, settlement: Settlement) -> None:
            raise LedgerUnavailable

    gateway = Gateway(POLICY, ledger=Lost())
    client = await gateway.ask(CHAT, key=TEAM_KEY)
    assert client.responder.status == 200
    assert [type(fault) for fault in gateway.faults] == [LedgerUnavailable]


@pytest.mark.parametrize("choices", [1, 3])
async def test_the_hold_grows_with_the_choices(choices: int) -> None:
    books = Books()
    gateway = Gateway(POLICY, ledger=books)
    await gateway.ask({**CHAT, "max_tokens": 1000, "n": choices}, key=TEAM_KEY)
    assert books.holds[0].amount_usd_nano // (1000 * 20_000) == choices
