"""Money and rates, in two phases: a hold before the work, then its settlement with the exact charge (0 voids it)."""

from enum import StrEnum
from math import inf

from gateway.domain.ids import RequestId, TenantId
from gateway.domain.noun import noun

EXACT_MAX = 2**53 - 1
"""The largest amount that Redis Lua counts exactly: about nine million dollars in nano-USD."""


@noun
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


@noun
class Hold:
    """A claim on a tenant's allowance: the dearest the request can become. Idempotent by `request_id`.

    `within_s` is how long its request can wait for the verdict.
    """

    request_id: RequestId
    tenant: TenantId
    allowance: Allowance
    amount_usd_nano: int
    tokens: int
    expires_after_s: float
    within_s: float = inf

    def __post_init__(self) -> None:
        if not (0 <= self.amount_usd_nano <= EXACT_MAX and 0 <= self.tokens <= EXACT_MAX):
            raise ValueError(f"a hold must be countable, from 0 to {EXACT_MAX}: {self}")


class Refusal(StrEnum):
    """Which limit a hold ran into."""

    BUDGET = "budget"
    REQUESTS_PER_MINUTE = "requests_per_minute"
    TOKENS_PER_MINUTE = "tokens_per_minute"


@noun
class HoldVerdict:
    """The ledger's answer. `retry_after_s` is when the window that refused it turns; budgets after granting."""

    refusal: Refusal | None
    retry_after_s: float
    budget_left_usd_nano: int | None

    @property
    def is_granted(self) -> bool:
        """Tell whether the request may go on."""
        return self.refusal is None


UNLIMITED = HoldVerdict(None, 0.0, None)
"""The verdict where nothing is limited, and so nothing asked."""


@noun
class Settlement:
    """The end of a hold: what was really used. Idempotent by the hold's `request_id`; a charge of 0 voids it."""

    hold: Hold
    charge_usd_nano: int
    tokens: int

    def __post_init__(self) -> None:
        if not (0 <= self.charge_usd_nano <= EXACT_MAX and 0 <= self.tokens <= EXACT_MAX):
            raise ValueError(f"a settlement must be countable, from 0 to {EXACT_MAX}: {self}")
