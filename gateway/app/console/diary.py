"""What the console remembers of a worker's requests: the last ones whole, the last hour in slots, and sums."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.domain.ids import TierName
from gateway.domain.outcome import BLAME, Blame, Outcome
from gateway.domain.receipt import Receipt

RECEIPTS_KEPT: Final = 200
SLOT_S: Final = 5
SLOTS_KEPT: Final = 720
"""An hour."""
_HITS: Final = frozenset({Outcome.SUCCESS_CACHE_EXACT, Outcome.SUCCESS_CACHE_COALESCED, Outcome.SUCCESS_CACHE_SEMANTIC})


@dataclass(slots=True)
class Sums:
    """Requests by where their answer came from, and their money. Every request is in one of the first three."""

    by_tier: Counter[TierName] = field(default_factory=Counter)
    by_hit: Counter[Outcome] = field(default_factory=Counter)
    unanswered: Counter[Outcome] = field(default_factory=Counter)
    charge_usd_nano: int = 0
    baseline_usd_nano: int = 0
    charge_by_tier: Counter[TierName] = field(default_factory=Counter)

    @property
    def requests(self) -> int:
        """Return how many there were."""
        return self.answered + self.unanswered.total()

    @property
    def answered(self) -> int:
        """Return how many of them were given an answer."""
        return self.by_tier.total() + self.by_hit.total()

    @property
    def refused(self) -> int:
        """Return how many ended for a limit or a fault of the caller's, or because it left."""
        return sum(times for outcome, times in self.unanswered.items() if BLAME[outcome] is Blame.CLIENT)

    @property
    def failed(self) -> int:
        """Return how many ended for a fault of a model server's or of ours."""
        return self.unanswered.total() - self.refused

    @property
    def saved_usd_nano(self) -> int:
        """Return what the strongest able tier would have cost more, an estimate."""
        return self.baseline_usd_nano - self.charge_usd_nano

    def add(self, receipt: Receipt) -> None:
        """Count a request that ended."""
        outcome, tier = receipt.outcome, receipt.tier
        if outcome in _HITS:
            self.by_hit[outcome] += 1
        elif tier is not None and BLAME[outcome] is Blame.NOBODY:
            self.by_tier[tier] += 1
        else:
            self.unanswered[outcome] += 1
        self.charge_usd_nano += receipt.charge_usd_nano
        self.baseline_usd_nano += receipt.baseline_usd_nano
        if receipt.charge_usd_nano and tier is not None:
            self.charge_by_tier[tier] += receipt.charge_usd_nano


class Diary:
    """A recorder for the console: 3.4 µs of CPU a request on a slow core, beside the 12 of the other recorders."""

    def __init__(self, began_wall_s: float) -> None:
        self.began_wall_s = began_wall_s
        self.total = Sums()
        self.receipts: deque[Receipt] = deque(maxlen=RECEIPTS_KEPT)
        """The newest is last."""
        self._slots: deque[tuple[int, Sums]] = deque(maxlen=SLOTS_KEPT)

    def record(self, receipt: Receipt) -> None:
        """Remember a request that ended."""
        self.receipts.append(receipt)
        self.total.add(receipt)
        number = int(receipt.received_at_s + receipt.times.end_ms / 1e3) // SLOT_S
        # A clock that was set back must not open slots in the past: the newest takes those requests in.
        if not self._slots or number > self._slots[-1][0]:
            self._slots.append((number, Sums()))
        self._slots[-1][1].add(receipt)

    def find(self, request_id: str) -> Receipt | None:
        """Return the receipt of that request, if it is one of the last."""
        return next((receipt for receipt in reversed(self.receipts) if receipt.request_id == request_id), None)

    def last(self, seconds: int, wall_s: float) -> Sequence[tuple[int, Sums]]:
        """Return the slots of that much time up to the last full one, empty ones too: start in epoch seconds, sums."""
        now = int(wall_s) // SLOT_S
        known = dict(self._slots)
        began = max(int(self.began_wall_s) // SLOT_S, now - min(seconds // SLOT_S, SLOTS_KEPT))
        return [(number * SLOT_S, known.get(number) or Sums()) for number in range(began, now)]


def per_second(diary: Diary, wall_s: float, seconds: int = 60) -> float:
    """Return how many requests a second ended of late; of a worker that began later, since then."""
    slots = diary.last(seconds, wall_s)
    return sum(sums.requests for _, sums in slots) / (len(slots) * SLOT_S) if slots else 0.0


def series(diary: Diary, tiers: Sequence[str], wall_s: float) -> dict[str, Any]:
    """Write the last hour for charts: requests a second by where the answer came from, and USD a minute."""
    slots = diary.last(SLOT_S * SLOTS_KEPT, wall_s)
    sums = [each for _, each in slots]
    per_minute = 60 / SLOT_S / 1e9
    return {
        "at_s": [began_s for began_s, _ in slots],
        "tiers": [{"name": name, "per_s": [each.by_tier[TierName(name)] / SLOT_S for each in sums]} for name in tiers],
        "cache_per_s": [each.by_hit.total() / SLOT_S for each in sums],
        "refused_per_s": [each.refused / SLOT_S for each in sums],
        "failed_per_s": [each.failed / SLOT_S for each in sums],
        "charged_usd_per_min": [each.charge_usd_nano * per_minute for each in sums],
        "strongest_usd_per_min": [each.baseline_usd_nano * per_minute for each in sums],
    }
