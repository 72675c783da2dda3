"""What the gateways of a run asked of the ledger, and were told, for the checks."""

from dataclasses import dataclass, field

from gateway.domain.ids import RequestId
from gateway.domain.ledger import Hold, HoldVerdict, Settlement
from gateway.ports import Ledger, LedgerUnavailable
from tests.sim.history import History
from tests.sim.waits import Waits


@dataclass(slots=True)
class Deals:
    """Holds and settlements as the pipeline made them."""

    holds: list[Hold] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    verdicts: dict[RequestId, HoldVerdict] = field(default_factory=dict)
    unanswered: set[RequestId] = field(default_factory=set)
    """Holds for which the ledger was not to be had."""
    may_be_held: set[RequestId] = field(default_factory=set)
    """Requests whose hold was taken, or whose answer was lost."""


class WatchedLedger:
    """A ledger whose deals are kept."""

    def __init__(self, ledger: Ledger, deals: Deals, waits: Waits, history: History) -> None:
        self._ledger = ledger
        self._deals = deals
        self._waits = waits
        self._history = history

    async def hold(self, hold: Hold) -> HoldVerdict:
        """Claim the dearest the request can become. Raises LedgerUnavailable."""
        deals, name = self._deals, hold.request_id
        deals.holds.append(hold)
        deals.may_be_held.add(name)
        with self._waits.measured():
            try:
                verdict = deals.verdicts[name] = await self._ledger.hold(hold)
            except LedgerUnavailable:
                deals.unanswered.add(name)
                self._history.note("ledger", f"{name} unanswered")
                raise
        if not verdict.is_granted:
            deals.may_be_held.discard(name)
        self._history.note("ledger", f"{name} {'granted' if verdict.is_granted else verdict.refusal}")
        return verdict

    async def settle(self, settlement: Settlement) -> None:
        """Post what was used, now or as soon as the ledger can be reached."""
        self._deals.settlements.append(settlement)
        self._history.note("ledger", f"{settlement.hold.request_id} charged {settlement.charge_usd_nano}")
        await self._ledger.settle(settlement)

    async def aclose(self) -> None:
        """Post what waits."""
        await self._ledger.aclose()
