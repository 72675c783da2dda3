"""Money and rates, in two phases: a hold before the work, then its settlement with the exact charge (0 voids it)."""

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.ids import RequestId, TenantId


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a tenant may use. None means unlimited. Windows are fixed and aligned to the store's clock (UTC)."""

    budget_usd_nano: int | None = None
    budget_window_s: int = 86_400
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    @property
    def is_unlimited(self) -> bool:
        """Tell whether no ledger needs to be asked at all."""
        return self.budget_usd_nano is None and self.requests_per_minute is None and self.tokens_per_minute is None


@dataclass(frozen=True, slots=True)
class Hold:
    """A claim on a tenant's allowance: the dearest the request can become. Idempotent by `request_id`."""

    request_id: RequestId
    tenant: TenantId
    allowance: Allowance
    amount_usd_nano: int
    tokens: int
    expires_after_s: float


class Refusal(StrEnum):
    """Which limit a hold ran into."""

    BUDGET = "budget"
    REQUESTS_PER_MINUTE = "requests_per_minute"
    TOKENS_PER_MINUTE = "tokens_per_minute"


@dataclass(frozen=True, slots=True)
class HoldVerdict:
    """The ledger's answer. `retry_after_s` is when the window that refused it turns; budgets after granting."""

    refusal: Refusal | None
    retry_after_s: float
    budget_left_usd_nano: int | None

    @property
    def is_granted(self) -> bool:
        """Tell whether the request may go on."""
        return self.refusal is None


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of a hold: what was really used. Idempotent by the hold's `request_id`; a charge of 0 voids it."""

    hold: Hold
    charge_usd_nano: int
    tokens: int
