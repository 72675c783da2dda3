"""What is remembered of a ledger's verdicts, and told to whoever scrapes."""

from contextlib import nullcontext

import pytest

from gateway.adapters.ledger_watch import BudgetLeft, ObservedLedger, expose_ledger
from gateway.adapters.memory_ledger import MemoryLedger
from gateway.adapters.metrics import Metrics
from gateway.domain.ids import TenantId
from gateway.domain.ledger import Hold, HoldVerdict, Settlement
from gateway.ports import LedgerUnavailable
from tests.support.clocks import ManualClock
from tests.support.ledgers import TENANT, a_hold, a_settlement, an_allowance
from tests.support.prometheus import read_series

BUDGET = an_allowance(budget=2_000_000_000)


class _Silent:
    """A ledger that does not answer, and takes note of what it was told."""

    def __init__(self) -> None:
        self.settled: list[Settlement] = []
        self.closed = False

    async def hold(self, hold: Hold) -> HoldVerdict:
        raise LedgerUnavailable

    async def settle(self, settlement: Settlement) -> None:
        self.settled.append(settlement)

    async def aclose(self) -> None:
        self.closed = True


def told(watched: ObservedLedger) -> dict[str, float]:
    metrics = Metrics()
    expose_ledger(metrics, watched)
    series = read_series(metrics.render(), without="worker")
    return {name: value for name, value in series.items() if name.startswith(("tiergate_budget", "tiergate_ledger"))}


async def test_what_is_left_of_a_budget_is_that_of_the_last_verdict_also_of_a_refusal() -> None:
    watched = ObservedLedger(MemoryLedger(ManualClock()))
    assert told(watched) == {"tiergate_ledger_unanswered_total{}": 0}
    assert (await watched.hold(a_hold("one", BUDGET, 1_900_000_000))).is_granted
    assert watched.left == {TENANT: BudgetLeft(2_000_000_000, 100_000_000)}
    await watched.settle(a_settlement(a_hold("one", BUDGET, 1_900_000_000), 1_500_000_000))
    assert not (await watched.hold(a_hold("two", BUDGET, 600_000_000))).is_granted
    assert told(watched) == {
        f'tiergate_budget_usd{{tenant="{TENANT}"}}': 2.0,
        f'tiergate_budget_left_usd{{tenant="{TENANT}"}}': 0.5,
        "tiergate_ledger_unanswered_total{}": 0,
    }


async def test_who_has_no_budget_is_not_remembered() -> None:
    watched = ObservedLedger(MemoryLedger(ManualClock()))
    await watched.hold(a_hold("one", an_allowance(requests=5), 10))
    assert watched.left == {}


async def test_of_more_tenants_than_are_shown_the_first_are_remembered() -> None:
    watched = ObservedLedger(MemoryLedger(ManualClock()), tenants_shown=1)
    for number, tenant in enumerate(("first", "second", "first")):
        await watched.hold(a_hold(str(number), BUDGET, 1_000_000, tenant=TenantId(tenant)))
    assert watched.left == {TenantId("first"): BudgetLeft(2_000_000_000, 1_998_000_000)}


class _Moody(MemoryLedger):
    """A ledger that answers when it likes to."""

    answers = True

    async def hold(self, hold: Hold) -> HoldVerdict:
        if not self.answers:
            raise LedgerUnavailable("no answer in time")
        return await super().hold(hold)


async def test_a_ledger_that_is_lost_is_told_once_and_its_return_once() -> None:
    moody, heard = _Moody(ManualClock()), list[str | None]()
    watched = ObservedLedger(moody, tell=heard.append)
    for number, answers in enumerate(["yes", "no", "no", "yes", "no", "no", "no", "no", "yes", "yes"]):
        moody.answers = answers == "yes"
        with nullcontext() if moody.answers else pytest.raises(LedgerUnavailable):
            await watched.hold(a_hold(str(number), BUDGET, 10))
    assert heard == ["no answer in time", None]


async def test_claims_without_an_answer_are_counted_and_everything_else_is_passed_on() -> None:
    silent = _Silent()
    watched = ObservedLedger(silent)
    hold = a_hold("one", BUDGET, 10)
    with pytest.raises(LedgerUnavailable):
        await watched.hold(hold)
    await watched.settle(a_settlement(hold, 3))
    await watched.aclose()
    assert told(watched) == {"tiergate_ledger_unanswered_total{}": 1}
    assert (silent.settled, silent.closed) == ([a_settlement(hold, 3)], True)
