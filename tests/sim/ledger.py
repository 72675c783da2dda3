"""The real ledger in memory, behind a connection that the case may trouble."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

from gateway.adapters.memory_ledger import MemoryLedger
from gateway.domain.ids import RequestId
from gateway.domain.ledger import Hold, HoldVerdict, Settlement
from gateway.ports import LedgerUnavailable
from tests.sim.case import LedgerFault, LedgerTrouble
from tests.sim.history import History

_LATE_S: Final = 0.025
"""How long the gateway's own connection to a ledger waits."""
_SLOW_S: Final = 0.02


class SimLedger:
    """Holds and settlements as the books took them, for the checks.

    As the shared ledger's adapter does, it keeps settlements that cannot be posted, and posts them when it can.
    """

    def __init__(self, books: MemoryLedger, faults: Sequence[LedgerFault], history: History, zero_s: float) -> None:
        self.holds: list[Hold] = []
        self.settlements: list[Settlement] = []
        self.troubled: Counter[str] = Counter()
        self.may_be_held: set[RequestId] = set()
        """Requests whose hold was taken, or whose answer was lost."""
        self._books = books
        self._history = history
        self._zero_s = zero_s
        self._faults = faults
        self._waiting: list[Settlement] = []

    async def hold(self, hold: Hold) -> HoldVerdict:
        """Claim the dearest the request can become. Raises LedgerUnavailable."""
        trouble = self._trouble()
        self.holds.append(hold)
        if trouble is LedgerTrouble.UNREACHABLE:
            self.troubled[trouble] += 1
            raise LedgerUnavailable
        verdict = await self._books.hold(hold)
        if verdict.is_granted:
            self.may_be_held.add(hold.request_id)
        if trouble is not None:
            self.troubled[trouble] += 1
            await asyncio.sleep(_SLOW_S if trouble is LedgerTrouble.SLOW else _LATE_S)
        if trouble is LedgerTrouble.REPLY_LOST:
            raise LedgerUnavailable
        self._history.note("ledger", f"{hold.request_id} {'granted' if verdict.is_granted else verdict.refusal}")
        return verdict

    async def settle(self, settlement: Settlement) -> None:
        """Post what was used, now or as soon as the ledger can be reached."""
        self.settlements.append(settlement)
        self._history.note("ledger", f"{settlement.hold.request_id} charged {settlement.charge_usd_nano}")
        trouble = self._trouble()
        if trouble is LedgerTrouble.UNREACHABLE:
            self.troubled[trouble] += 1
            self._waiting.append(settlement)
            return
        if trouble is LedgerTrouble.SLOW:
            await asyncio.sleep(_SLOW_S)
        await self._books.settle(settlement)

    async def aclose(self) -> None:
        """Post what waits."""
        for settlement in self._waiting:
            await self._books.settle(settlement)
        self._waiting.clear()

    def _trouble(self) -> LedgerTrouble | None:
        now_s = asyncio.get_running_loop().time() - self._zero_s
        return next((fault.kind for fault in self._faults if fault.from_s <= now_s < fault.to_s), None)
