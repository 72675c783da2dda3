"""What the demo's requests come to: shares, money, cache hits and fallbacks. Whole numbers from the receipts."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.app.demo_rows import Row

_OK = 200


@dataclass(frozen=True, slots=True)
class TierTotal:
    """What one tier did. `requests` were sent to it and answered; answers from the cache are not among them."""

    tier: str
    requests: int
    share: float
    input_tokens: int
    output_tokens: int
    charge_usd_nano: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The demo in numbers. Money is nano-USD.

    `fallbacks` are requests answered by another server after an attempt had failed, `rerouted` those that were never
    sent to a server known to be down. `baseline_usd_nano` prices the same tokens at the strongest tier that was able:
    an estimate, since that tier would have written another answer.
    """

    requests: int
    answered: int
    tiers: tuple[TierTotal, ...]
    cache_hits: int
    fallbacks: int
    rerouted: int
    charge_usd_nano: int
    baseline_usd_nano: int
    saved_usd_nano: int
    saved_share: float


def summarise(rows: Sequence[Row], tiers: Sequence[str]) -> Summary:
    """Add up the rows. `tiers` are cheapest first; each has its line, used or not."""
    answered = [row for row in rows if row.status == _OK]
    computed = [row for row in answered if not row.is_hit]
    charge = sum(row.charge_usd_nano for row in rows)
    baseline = sum(row.baseline_usd_nano for row in rows)
    return Summary(
        requests=len(rows),
        answered=len(answered),
        tiers=tuple(_total(tier, computed) for tier in tiers),
        cache_hits=len(answered) - len(computed),
        fallbacks=sum(row.attempts > 1 for row in computed),
        rerouted=sum(row.attempts == 1 and row.first_choice is not None for row in computed),
        charge_usd_nano=charge,
        baseline_usd_nano=baseline,
        saved_usd_nano=baseline - charge,
        saved_share=(baseline - charge) / baseline if baseline else 0.0,
    )


def _total(tier: str, computed: Sequence[Row]) -> TierTotal:
    rows = [row for row in computed if row.tier == tier]
    return TierTotal(
        tier,
        len(rows),
        len(rows) / len(computed) if computed else 0.0,
        sum(row.input_tokens for row in rows),
        sum(row.output_tokens for row in rows),
        sum(row.charge_usd_nano for row in rows),
    )


def busiest(rows: Sequence[Row], tiers: Sequence[str]) -> str:
    """Return which of the tiers, the last (dearest) apart, answered most; the cheaper of equals."""
    candidates = tiers[:-1] or tiers
    counts = {tier: sum(row.tier == tier and not row.is_hit for row in rows) for tier in candidates}
    return max(candidates, key=counts.__getitem__)
