"""Settlements that are tried again."""

import asyncio
from dataclasses import replace

from gateway.adapters.redis_link import RedisUnavailable
from gateway.adapters.redis_settles import SettleRetries, SettleRetrySettings
from gateway.domain.ledger import Settlement
from tests.support.clocks import ManualClock
from tests.support.ledgers import a_hold, a_settlement, an_allowance
from tests.support.waiting import eventually

QUICK = SettleRetrySettings(wait_s=0.001, wait_s_max=0.002, batch_max=2)
SLOW = SettleRetrySettings(wait_s=3_600.0, wait_s_max=3_600.0)


class Store:
    """Takes settlements, unless it is down or does not like them."""

    def __init__(self) -> None:
        self.is_up = False
        self.refused: set[str] = set()
        self.taken: list[str] = []
        self.asked = 0

    async def settle(self, settlement: Settlement) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if not self.is_up or settlement.hold.request_id in self.refused:
            raise RedisUnavailable("down")
        self.taken.append(settlement.hold.request_id)


def retries_to(store: Store, settings: SettleRetrySettings, clock: ManualClock | None = None) -> SettleRetries:
    return SettleRetries(store.settle, clock=clock or ManualClock(), chance=lambda: 0.5, settings=settings)


def settlement(name: str) -> Settlement:
    return a_settlement(a_hold(name, an_allowance(budget=1)))


async def test_what_waits_is_taken_in_order_once_the_store_is_back() -> None:
    store = Store()
    retries = retries_to(store, QUICK)
    for name in "abcde":
        assert retries.put(settlement(name))
    await eventually(lambda: store.asked > 6)
    store.is_up = True
    await eventually(lambda: len(store.taken) == 5)
    await retries.aclose()
    assert store.taken == list("abcde")
    assert retries.stats() == {"settles_retried": 5, "settles_lost": 0, "settles_waiting": 0}


async def test_one_that_is_refused_keeps_its_place_and_loses_no_other() -> None:
    store = Store()
    store.is_up = True
    store.refused = {"a"}
    retries = retries_to(store, QUICK)
    for name in "abc":
        retries.put(settlement(name))
    await eventually(lambda: "c" in store.taken)
    store.refused = set()
    await eventually(lambda: "a" in store.taken)
    await retries.aclose()
    assert sorted(store.taken) == ["a", "b", "c"]


async def test_a_later_settlement_starts_the_work_again() -> None:
    store = Store()
    store.is_up = True
    retries = retries_to(store, QUICK)
    for name in "ab":
        retries.put(settlement(name))
        await eventually(lambda: not retries.stats()["settles_waiting"])
    await retries.aclose()
    assert store.taken == ["a", "b"]


async def test_a_full_queue_takes_no_more() -> None:
    retries = retries_to(Store(), replace(SLOW, queue_max=2))
    assert [retries.put(settlement(name)) for name in "abc"] == [True, True, False]
    await retries.aclose()
    assert retries.stats()["settles_lost"] == 3


async def test_what_is_too_old_is_given_up_lest_it_post_twice() -> None:
    store, clock = Store(), ManualClock()
    retries = retries_to(store, QUICK, clock)
    retries.put(settlement("a"))
    await eventually(lambda: store.asked > 0)
    clock.advance(QUICK.age_s_max + 1.0)
    await eventually(lambda: retries.stats()["settles_lost"] == 1)
    store.is_up = True
    await retries.aclose()
    assert store.taken == []


async def test_closing_tries_once_more_without_the_wait() -> None:
    store = Store()
    retries = retries_to(store, SLOW)
    retries.put(settlement("a"))
    await eventually(lambda: store.asked == 1)
    store.is_up = True
    await retries.aclose()
    assert store.taken == ["a"]
    assert not retries.put(settlement("b"))
