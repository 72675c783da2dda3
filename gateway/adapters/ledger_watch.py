"""A ledger that remembers what it was told, for metrics: what is left of budgets, and how often there was no answer.

Somebody is told when claims are no longer answered, and when they are again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.adapters.metrics import TENANTS_SHOWN, Metrics
from gateway.adapters.metrics_ledger_names import BUDGET, BUDGET_LEFT, LEDGER_UNANSWERED
from gateway.adapters.metrics_sources import expose_number
from gateway.domain.ids import TenantId
from gateway.domain.ledger import Hold, HoldVerdict, Settlement
from gateway.ports import Ledger, LedgerUnavailable

LOST_AFTER: Final = 3
"""So many claims in a row without an answer are a state, fewer a mishap."""


@dataclass(frozen=True, slots=True)
class BudgetLeft:
    """Of one tenant, at its last request. What is left is less what requests under way may come to."""

    budget_usd_nano: int
    left_usd_nano: int


def _tell_nobody(trouble: str | None) -> None:
    """Take no notice."""


@dataclass(slots=True)
class ObservedLedger:
    """Asks the ledger behind it, and keeps to its promises."""

    ledger: Ledger
    left: dict[TenantId, BudgetLeft] = field(default_factory=dict)
    unanswered: int = 0
    """Claims that were not answered, or not in time."""
    tenants_shown: int = TENANTS_SHOWN
    """Further ones are not remembered: metrics do not tell them apart either."""
    tell: Callable[[str | None], None] = _tell_nobody
    """Is told the trouble when the ledger is lost, and None when it is back."""
    _unanswered_in_a_row: int = 0

    async def hold(self, hold: Hold) -> HoldVerdict:
        """Claim, and take note of what is left. Raises LedgerUnavailable."""
        try:
            verdict = await self.ledger.hold(hold)
        except LedgerUnavailable as error:
            self.unanswered += 1
            self._unanswered_in_a_row += 1
            if self._unanswered_in_a_row == LOST_AFTER:
                self.tell(str(error))
            raise
        if self._unanswered_in_a_row:
            is_back, self._unanswered_in_a_row = self._unanswered_in_a_row >= LOST_AFTER, 0
            if is_back:
                self.tell(None)
        budget_usd_nano, left_usd_nano = hold.allowance.budget_usd_nano, verdict.budget_left_usd_nano
        is_held = hold.tenant in self.left or len(self.left) < self.tenants_shown
        if budget_usd_nano is not None and left_usd_nano is not None and is_held:
            self.left[hold.tenant] = BudgetLeft(budget_usd_nano, left_usd_nano)
        return verdict

    async def settle(self, settlement: Settlement) -> None:
        """Settle. Raises LedgerUnavailable."""
        await self.ledger.settle(settlement)

    async def aclose(self) -> None:
        """Close the ledger behind it."""
        await self.ledger.aclose()


def expose_ledger(metrics: Metrics, watched: ObservedLedger) -> None:
    """Let a scrape read what is remembered."""
    metrics.read_from(BUDGET, lambda: [((tenant,), seen.budget_usd_nano) for tenant, seen in watched.left.items()])
    metrics.read_from(BUDGET_LEFT, lambda: [((tenant,), seen.left_usd_nano) for tenant, seen in watched.left.items()])
    expose_number(metrics, LEDGER_UNANSWERED, lambda: watched.unanswered)
