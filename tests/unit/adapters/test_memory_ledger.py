"""The ledger of one process over time, which its contract in tests/contract cannot move."""

from gateway.adapters.memory_ledger import RECORD_KEPT_S, MemoryLedger
from gateway.domain.ledger import Allowance, Refusal
from tests.support.clocks import ManualClock
from tests.support.ledgers import a_hold, a_settlement

DAY_S = 86_400
MIDNIGHT_S = 20_000.0 * DAY_S
DAILY_100 = Allowance(budget_usd_nano=100, budget_window_s=DAY_S)


def at(seconds_of_day: float) -> ManualClock:
    return ManualClock(wall_s=MIDNIGHT_S + seconds_of_day)


async def test_a_refusal_says_when_its_window_turns() -> None:
    ledger = MemoryLedger(at(DAY_S - 90.0))
    both = Allowance(budget_usd_nano=0, budget_window_s=DAY_S, requests_per_minute=1)
    assert (await ledger.hold(a_hold("one", both, 1))).retry_after_s == 90.0
    assert (await ledger.hold(a_hold("two", both, 0))).is_granted
    refused = await ledger.hold(a_hold("three", both, 0))
    assert (refused.refusal, refused.retry_after_s) == (Refusal.REQUESTS_PER_MINUTE, 30.0)


async def test_a_turned_window_starts_with_the_whole_budget() -> None:
    clock = at(DAY_S - 1.0)
    ledger = MemoryLedger(clock)
    assert (await ledger.hold(a_hold("one", DAILY_100, 100))).is_granted
    assert not (await ledger.hold(a_hold("two", DAILY_100, 1))).is_granted
    clock.advance(1.0)
    assert (await ledger.hold(a_hold("three", DAILY_100, 100))).is_granted


async def test_a_charge_is_posted_to_the_window_of_its_hold() -> None:
    clock = at(DAY_S - 1.0)
    ledger = MemoryLedger(clock)
    hold = a_hold("one", DAILY_100, 100)
    await ledger.hold(hold)
    clock.advance(2.0)
    await ledger.settle(a_settlement(hold, 100))
    assert (await ledger.hold(a_hold("two", DAILY_100, 0))).budget_left_usd_nano == 100


async def test_a_minute_starts_with_all_its_requests_and_tokens() -> None:
    clock = at(59.0)
    ledger = MemoryLedger(clock)
    rated = Allowance(requests_per_minute=1, tokens_per_minute=10)
    hold = a_hold("one", rated, tokens=10)
    assert (await ledger.hold(hold)).is_granted
    clock.advance(1.0)
    await ledger.settle(a_settlement(hold, 0, tokens=5_000))
    assert (await ledger.hold(a_hold("two", rated, tokens=10))).is_granted


async def test_a_hold_lasts_until_it_expires() -> None:
    clock = at(0.0)
    ledger = MemoryLedger(clock)
    await ledger.hold(a_hold("one", DAILY_100, 100, expires_s=600.0))
    clock.advance(599.0)
    assert not (await ledger.hold(a_hold("two", DAILY_100, 1))).is_granted
    clock.advance(1.0)
    assert (await ledger.hold(a_hold("three", DAILY_100, 1))).is_granted


async def test_settled_requests_and_old_windows_are_forgotten() -> None:
    clock = at(0.0)
    ledger = MemoryLedger(clock)
    hourly = Allowance(budget_usd_nano=100, budget_window_s=3_600)
    for number in range(50):
        hold = a_hold(str(number), hourly, 1, expires_s=60.0)
        await ledger.hold(hold)
        await ledger.settle(a_settlement(hold, 1))
    assert ledger.stats()["records"] == 50
    clock.advance(3_600.0 + 60.0 + RECORD_KEPT_S)
    await ledger.hold(a_hold("last", hourly, 1))
    assert (ledger.stats()["records"], ledger.stats()["windows"]) == (1, 2)


async def test_what_happened_is_counted() -> None:
    ledger = MemoryLedger(at(0.0))
    hold = a_hold("one", DAILY_100, 100)
    await ledger.hold(hold)
    await ledger.hold(a_hold("two", DAILY_100, 1))
    for _ in range(2):
        await ledger.settle(a_settlement(hold, 1))
    stats = ledger.stats()
    assert (stats["granted"], stats["refused"], stats["posted"], stats["repeated"]) == (1, 1, 1, 1)
