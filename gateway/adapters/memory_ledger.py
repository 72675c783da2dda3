"""Allowances of one process: the same rules as the shared ledger's, in memory.

Windows follow the wall clock, in UTC; how long a hold lasts follows the monotonic one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.adapters.memory_expiring import Expiring
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.ledger import UNLIMITED, Hold, HoldVerdict, Refusal, Settlement
from gateway.ports import Clock

RECORD_KEPT_S = 900.0
"""How long a settled request is remembered, as in the shared ledger."""

_REFUSAL_KEPT_S = 60.0
_RELEASED_AT_ONCE = 64

_RequestKey = tuple[TenantId, RequestId]
_WindowKey = tuple[TenantId, int, int]
"""Tenant, window in seconds, its start."""


@dataclass(slots=True)
class _Budget:
    posted: int = 0
    held: int = 0


@dataclass(slots=True)
class _Rate:
    requests: int = 0
    tokens: int = 0


@dataclass(slots=True)
class _Record:
    """What is known of a request. Without `rate` it was never granted here."""

    verdict: HoldVerdict
    budget: _Budget | None = None
    rate: _Rate | None = None
    tokens: int = 0
    is_settled: bool = False


class MemoryLedger:
    """Hold and settle within one process."""

    def __init__(self, clock: Clock, *, rate_window_s: int = 60) -> None:
        self._clock = clock
        self._rate_window_s = rate_window_s
        self._records: Expiring[_RequestKey, _Record] = Expiring()
        self._open: Expiring[_RequestKey, tuple[_Budget, int]] = Expiring()
        self._budgets: Expiring[_WindowKey, _Budget] = Expiring()
        self._rates: Expiring[_WindowKey, _Rate] = Expiring()
        self._counts = {"granted": 0, "refused": 0}
        self._outcomes = {"posted": 0, "late": 0, "repeated": 0, "unheld": 0, "nothing": 0}

    async def hold(self, hold: Hold) -> HoldVerdict:
        """Claim the dearest the request can become."""
        if hold.allowance.is_unlimited:
            return UNLIMITED
        self._tidy()
        record = self._records.get((hold.tenant, hold.request_id))
        verdict = record.verdict if record is not None else self._decide(hold)
        self._counts["granted" if verdict.is_granted else "refused"] += 1
        return verdict

    async def settle(self, settlement: Settlement) -> None:
        """Post what was used, once, in the windows chosen when the hold was made."""
        if settlement.hold.allowance.is_unlimited:
            return
        self._outcomes[self._post(settlement)] += 1

    async def aclose(self) -> None:
        """Nothing to close."""

    def stats(self) -> Mapping[str, int]:
        """Count verdicts, what became of settlements, and what is remembered."""
        windows = len(self._budgets) + len(self._rates)
        return {**self._counts, **self._outcomes, "records": len(self._records), "windows": windows}

    def _decide(self, hold: Hold) -> HoldVerdict:
        allowance = hold.allowance
        rate, rate_turn_s = self._rate_of(hold.tenant)
        budget, left, budget_turn_s = self._budget_of(hold)
        if allowance.requests_per_minute is not None and rate.requests + 1 > allowance.requests_per_minute:
            return self._refuse(hold, Refusal.REQUESTS_PER_MINUTE, rate_turn_s, left)
        if allowance.tokens_per_minute is not None and rate.tokens + hold.tokens > allowance.tokens_per_minute:
            return self._refuse(hold, Refusal.TOKENS_PER_MINUTE, rate_turn_s, left)
        if left is not None and hold.amount_usd_nano > left:
            return self._refuse(hold, Refusal.BUDGET, budget_turn_s, left)
        now_s, key = self._clock.now_s(), (hold.tenant, hold.request_id)
        rate.requests += 1
        rate.tokens += hold.tokens
        if budget is not None and left is not None:
            budget.held += hold.amount_usd_nano
            left -= hold.amount_usd_nano
            self._open.put(key, (budget, hold.amount_usd_nano), now_s + hold.expires_after_s)
        verdict = HoldVerdict(None, 0.0, left)
        record = _Record(verdict, budget, rate, hold.tokens)
        self._records.put(key, record, now_s + hold.expires_after_s + RECORD_KEPT_S)
        return verdict

    def _refuse(self, hold: Hold, refusal: Refusal, retry_after_s: float, left: int | None) -> HoldVerdict:
        verdict = HoldVerdict(refusal, retry_after_s, left)
        ends_s = self._clock.now_s() + _REFUSAL_KEPT_S
        self._records.put((hold.tenant, hold.request_id), _Record(verdict), ends_s)
        return verdict

    def _post(self, settlement: Settlement) -> str:
        hold, charge = settlement.hold, settlement.charge_usd_nano
        key = (hold.tenant, hold.request_id)
        record = self._records.get(key)
        if record is not None and record.is_settled:
            return "repeated"
        outcome = "posted"
        if record is None or record.rate is None:
            if charge == 0:
                return "nothing"
            outcome = "unheld"
            record = record or _Record(UNLIMITED)
            record.budget, _, _ = self._budget_of(hold)
        else:
            record.rate.tokens += settlement.tokens - record.tokens
        if record.budget is not None:
            record.budget.posted += charge
            if outcome == "posted" and not self._release(key):
                outcome = "late"
        record.is_settled = True
        self._records.put(key, record, self._clock.now_s() + RECORD_KEPT_S)
        return outcome

    def _release(self, key: _RequestKey) -> bool:
        held = self._open.pop(key)
        if held is None:
            return False
        budget, amount_usd_nano = held
        budget.held -= amount_usd_nano
        return True

    def _tidy(self) -> None:
        now_s = self._clock.now_s()
        for _, (budget, amount_usd_nano) in self._open.forget(now_s, _RELEASED_AT_ONCE):
            budget.held -= amount_usd_nano
        for kept in (self._records, self._budgets, self._rates):
            kept.forget(now_s, _RELEASED_AT_ONCE)

    def _budget_of(self, hold: Hold) -> tuple[_Budget | None, int | None, float]:
        """Return the present window, what is left in it, and when it turns."""
        limit, window_s = hold.allowance.budget_usd_nano, hold.allowance.budget_window_s
        if limit is None:
            return None, None, 0.0
        start_s, turn_s = self._window(window_s)
        key = (hold.tenant, window_s, start_s)
        budget = self._budgets.get(key) or _Budget()
        self._budgets.put(key, budget, self._clock.now_s() + turn_s + RECORD_KEPT_S)
        return budget, limit - budget.posted - budget.held, turn_s

    def _rate_of(self, tenant: TenantId) -> tuple[_Rate, float]:
        start_s, turn_s = self._window(self._rate_window_s)
        key = (tenant, self._rate_window_s, start_s)
        rate = self._rates.get(key) or _Rate()
        self._rates.put(key, rate, self._clock.now_s() + turn_s + RECORD_KEPT_S)
        return rate, turn_s

    def _window(self, window_s: int) -> tuple[int, float]:
        wall_s = self._clock.wall_s()
        start_s = int(wall_s // window_s) * window_s
        return start_s, start_s + window_s - wall_s
