"""What every ledger keeps to: in memory, in Redis, and in Redis asked by two workers in turn."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.domain.ids import TenantId
from gateway.domain.ledger import EXACT_MAX, UNLIMITED, Allowance, HoldVerdict, Refusal
from tests.support.ledgers import LEDGERS, a_hold, a_settlement, an_allowance, opened
from tests.support.redis_server import RedisServer, running_redis

pytestmark = pytest.mark.parametrize("kind", LEDGERS)
BUDGET_100 = an_allowance(budget=100)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


async def test_holds_are_granted_up_to_the_budget_and_not_beyond(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        assert await workers.next.hold(a_hold("one", BUDGET_100, 60)) == HoldVerdict(None, 0.0, 40)
        assert await workers.next.hold(a_hold("two", BUDGET_100, 40)) == HoldVerdict(None, 0.0, 0)
        refused = await workers.next.hold(a_hold("three", BUDGET_100, 1))
        assert (refused.refusal, refused.budget_left_usd_nano) == (Refusal.BUDGET, 0)
        assert refused.retry_after_s > 0


async def test_a_request_that_costs_nothing_passes_while_the_budget_is_not_overdrawn(
    kind: str, server: RedisServer
) -> None:
    async with opened(kind, server) as workers:
        assert (await workers.next.hold(a_hold("one", an_allowance(budget=0), 0))).is_granted
        assert not (await workers.next.hold(a_hold("two", an_allowance(budget=0), 1))).is_granted


async def test_a_settlement_gives_back_what_was_not_used(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        hold = a_hold("one", BUDGET_100, 100)
        await workers.next.hold(hold)
        await workers.next.settle(a_settlement(hold, 30))
        assert (await workers.next.hold(a_hold("two", BUDGET_100, 70))).budget_left_usd_nano == 0
        assert not (await workers.next.hold(a_hold("three", BUDGET_100, 1))).is_granted


async def test_a_void_gives_back_everything(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        hold = a_hold("one", BUDGET_100, 100)
        await workers.next.hold(hold)
        await workers.next.settle(a_settlement(hold, 0))
        assert (await workers.next.hold(a_hold("two", BUDGET_100, 100))).is_granted


async def test_a_charge_beyond_the_hold_is_posted_whole(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        hold = a_hold("one", BUDGET_100, 50)
        await workers.next.hold(hold)
        await workers.next.settle(a_settlement(hold, 130))
        refused = await workers.next.hold(a_hold("two", BUDGET_100, 0))
        assert (refused.refusal, refused.budget_left_usd_nano) == (Refusal.BUDGET, -30)


async def test_a_repeated_hold_answers_what_was_recorded_and_holds_once(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        hold = a_hold("one", BUDGET_100, 60)
        first = await workers.next.hold(hold)
        assert await workers.next.hold(hold) == first
        assert await workers.next.hold(replace(hold, amount_usd_nano=1)) == first
        assert (await workers.next.hold(a_hold("two", BUDGET_100, 40))).is_granted


async def test_a_repeated_refusal_stays_a_refusal(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        hold = a_hold("one", BUDGET_100, 60)
        await workers.next.hold(hold)
        refused = await workers.next.hold(a_hold("two", BUDGET_100, 50))
        await workers.next.settle(a_settlement(hold, 0))
        assert await workers.next.hold(a_hold("two", BUDGET_100, 50)) == refused
        assert (await workers.next.hold(a_hold("three", BUDGET_100, 50))).is_granted


async def test_a_hold_repeated_after_its_settlement_answers_what_was_recorded(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        hold = a_hold("one", BUDGET_100, 60)
        first = await workers.next.hold(hold)
        await workers.next.settle(a_settlement(hold, 10))
        assert await workers.next.hold(hold) == first
        assert (await workers.next.hold(a_hold("two", BUDGET_100, 90))).is_granted


async def test_a_settlement_repeated_five_times_from_two_workers_posts_once(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        hold = a_hold("one", BUDGET_100, 60)
        await workers.next.hold(hold)
        await asyncio.gather(*(workers.next.settle(a_settlement(hold, 20)) for _ in range(5)))
        await workers.next.settle(a_settlement(hold, 70))
        assert (await workers.next.hold(a_hold("two", BUDGET_100, 80))).budget_left_usd_nano == 0


async def test_a_charge_for_which_no_hold_is_known_is_posted_once(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        unheld = a_hold("one", BUDGET_100, 60)
        for _ in range(2):
            await workers.next.settle(a_settlement(unheld, 30))
        assert (await workers.next.hold(unheld)).is_granted
        assert (await workers.next.hold(a_hold("two", BUDGET_100, 0))).budget_left_usd_nano == 70


async def test_the_void_of_an_unknown_hold_leaves_nothing_behind(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        hold = a_hold("one", BUDGET_100, 60)
        await workers.next.settle(a_settlement(hold, 0))
        assert (await workers.next.hold(hold)).budget_left_usd_nano == 40
        await workers.next.settle(a_settlement(hold, 25))
        assert (await workers.next.hold(a_hold("two", BUDGET_100, 0))).budget_left_usd_nano == 75


async def test_a_charge_behind_a_refusal_is_posted(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        refused = a_hold("one", BUDGET_100, 101)
        assert not (await workers.next.hold(refused)).is_granted
        await workers.next.settle(a_settlement(refused, 0))
        await workers.next.settle(a_settlement(refused, 40))
        assert (await workers.next.hold(a_hold("two", BUDGET_100, 0))).budget_left_usd_nano == 60


async def test_an_expired_hold_is_released_and_its_late_charge_posted(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        crashed = a_hold("one", BUDGET_100, 100, expires_s=0.0)
        assert (await workers.next.hold(crashed)).is_granted
        assert (await workers.next.hold(a_hold("two", BUDGET_100, 90))).budget_left_usd_nano == 10
        await workers.next.settle(a_settlement(crashed, 25))
        overdrawn = await workers.next.hold(a_hold("three", BUDGET_100, 0))
        assert overdrawn.budget_left_usd_nano == -15


async def test_expired_holds_of_no_amount_are_released_too(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        await workers.next.hold(a_hold("one", BUDGET_100, 0, expires_s=0.0))
        assert (await workers.next.hold(a_hold("two", BUDGET_100, 100))).is_granted


async def test_requests_are_counted_and_a_settlement_gives_none_back(kind: str, server: RedisServer) -> None:
    allowance = an_allowance(requests=2)
    async with opened(kind, server) as workers:
        for name in ("one", "two"):
            hold = a_hold(name, allowance)
            assert (await workers.next.hold(hold)).is_granted
            await workers.next.settle(a_settlement(hold, 0))
        refused = await workers.next.hold(a_hold("three", allowance))
        assert refused.refusal is Refusal.REQUESTS_PER_MINUTE
        assert refused.budget_left_usd_nano is None
        assert refused.retry_after_s > 0


async def test_tokens_are_held_and_corrected_by_what_was_used(kind: str, server: RedisServer) -> None:
    allowance = an_allowance(tokens=1_000)
    async with opened(kind, server) as workers:
        hold = a_hold("one", allowance, tokens=900)
        assert (await workers.next.hold(hold)).is_granted
        refused = await workers.next.hold(a_hold("two", allowance, tokens=200))
        assert refused.refusal is Refusal.TOKENS_PER_MINUTE
        await workers.next.settle(a_settlement(hold, 0, tokens=300))
        assert (await workers.next.hold(a_hold("three", allowance, tokens=700))).is_granted
        assert not (await workers.next.hold(a_hold("four", allowance, tokens=1))).is_granted


async def test_a_refusal_changes_no_count(kind: str, server: RedisServer) -> None:
    allowance = an_allowance(budget=100, requests=2, tokens=1_000)
    async with opened(kind, server) as workers:
        assert (await workers.next.hold(a_hold("dear", allowance, 101))).refusal is Refusal.BUDGET
        assert (await workers.next.hold(a_hold("long", allowance, tokens=1_001))).refusal is Refusal.TOKENS_PER_MINUTE
        assert (await workers.next.hold(a_hold("one", allowance, 50, tokens=500))).is_granted
        assert (await workers.next.hold(a_hold("two", allowance, 50, tokens=500))).is_granted
        refused = await workers.next.hold(a_hold("three", allowance))
        assert refused.refusal is Refusal.REQUESTS_PER_MINUTE


async def test_tenants_share_nothing(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        await workers.next.hold(a_hold("one", BUDGET_100, 100))
        other = a_hold("one", BUDGET_100, 100, tenant=TenantId("other"))
        assert (await workers.next.hold(other)).is_granted
        await workers.next.settle(a_settlement(other, 0))
        assert not (await workers.next.hold(a_hold("two", BUDGET_100, 1))).is_granted


async def test_without_limits_nothing_is_asked_and_everything_granted(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        hold = a_hold("one", Allowance(), EXACT_MAX)
        assert await workers.next.hold(hold) == UNLIMITED
        await workers.next.settle(a_settlement(hold, EXACT_MAX))


async def test_a_budget_raised_by_a_new_policy_counts_what_was_spent(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        hold = a_hold("one", BUDGET_100, 100)
        await workers.next.hold(hold)
        await workers.next.settle(a_settlement(hold, 100))
        assert (await workers.next.hold(a_hold("two", an_allowance(budget=150), 50))).budget_left_usd_nano == 0


async def test_millions_of_dollars_are_counted_to_the_nano(kind: str, server: RedisServer) -> None:
    allowance = an_allowance(budget=EXACT_MAX)
    async with opened(kind, server) as workers:
        hold = a_hold("one", allowance, EXACT_MAX - 1)
        assert (await workers.next.hold(hold)).budget_left_usd_nano == 1
        await workers.next.settle(a_settlement(hold, EXACT_MAX - 3))
        assert (await workers.next.hold(a_hold("two", allowance, 2))).budget_left_usd_nano == 1
        assert not (await workers.next.hold(a_hold("three", allowance, 2))).is_granted


@pytest.mark.parametrize("name", ["a|b", "{curly}", "line\r\nend", "ü", "12|b:1:2|x"])
async def test_no_request_id_breaks_the_books(name: str, kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        hold = a_hold(name, BUDGET_100, 60)
        await workers.next.hold(hold)
        await workers.next.settle(a_settlement(hold, 10))
        await workers.next.hold(a_hold(name + "2", BUDGET_100, 50, expires_s=0.0))
        assert (await workers.next.hold(a_hold("last", BUDGET_100, 0))).budget_left_usd_nano == 90


async def test_a_thousand_requests_at_once_never_overspend(kind: str, server: RedisServer) -> None:
    async with opened(kind, server) as workers:
        holds = [a_hold(str(number), BUDGET_100, 10) for number in range(1_000)]
        verdicts = await asyncio.gather(*(workers.one_of(i).hold(hold) for i, hold in enumerate(holds)))
        assert sum(verdict.is_granted for verdict in verdicts) == 10
        granted = [hold for hold, verdict in zip(holds, verdicts, strict=True) if verdict.is_granted]
        await asyncio.gather(*(workers.next.settle(a_settlement(hold, 4)) for hold in granted))
        assert (await workers.next.hold(a_hold("after", BUDGET_100, 60))).budget_left_usd_nano == 0
