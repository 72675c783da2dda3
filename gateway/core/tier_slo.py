"""How every tier fares against its objective: what is seen of it, what may be expected of it, and what follows.

    first_content, missed, finished ─▶ window (30 s) ─▶ expected times ─▶ ladders that fit (`plan_fit`)
                                    │              └──▶ breach ─▶ share of requests that goes elsewhere (`slo_shift`)
                                    └─▶ burn rate (5 min, 1 h) ─▶ alarms

All of it costs a few additions a stream and none a chunk.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from gateway.core.burn_rate import BurnRate
from gateway.core.log_histogram import BUCKETS, bucket_of, quantile_s, within_s
from gateway.core.slo_shift import SloShift, is_breach
from gateway.core.slo_window import ITL_MISSED, ITL_ROW, TTFT_MISSED, Counts, SloWindow, size_of
from gateway.domain.ids import TierName
from gateway.domain.tier import Tier

KNOWN_FROM: Final = 8
"""As many streams after prompts of one size say what to expect of the next."""
_LOOK_S: Final = 1.0
_MEDIAN: Final = 0.5


class TierSlo:
    """What is known of one tier."""

    __slots__ = ("itl", "shift", "ttft", "unshared", "window")

    def __init__(self) -> None:
        self.window = SloWindow()
        self.shift = SloShift()
        self.ttft = BurnRate()
        self.itl = BurnRate()
        self.unshared: Counts = {}
        """What this worker counted and has not yet told the others."""

    def count(self, kind: int, now_s: float) -> None:
        """Count for ourselves and for the others."""
        self.window.add(kind, 1, now_s)
        self.unshared[kind] = self.unshared.get(kind, 0) + 1


class TierSlos:
    """Every tier of a worker, by name. They outlive a reload of the policy."""

    __slots__ = ("_look_at_s", "_shifted", "_tiers")

    def __init__(self) -> None:
        self._tiers: dict[TierName, TierSlo] = {}
        self._look_at_s = float("-inf")
        self._shifted: dict[TierName, float] = {}

    def tier(self, name: TierName) -> TierSlo:
        """Return what is known of a tier, nothing at its first mention."""
        known = self._tiers.get(name)
        if known is None:
            known = self._tiers[name] = TierSlo()
        return known

    def first_content(self, tier: Tier, input_tokens: int, waited_s: float, now_s: float) -> None:
        """Note that a stream's first content came, after so long."""
        self._note_ttft(tier, input_tokens, waited_s, now_s, is_late=False)

    def late(self, tier: Tier, input_tokens: int, waited_s: float, now_s: float) -> None:
        """Note that a stream was given up because its first content did not come: a miss, however long it waited."""
        self._note_ttft(tier, input_tokens, waited_s, now_s, is_late=True)

    def finished(self, tier: Tier, gap_s: float, now_s: float) -> None:
        """Note the mean gap between the tokens of a stream that ended."""
        known, objective_s = self.tier(tier.name), tier.slo.itl_p95_s
        known.count(ITL_ROW * BUCKETS + bucket_of(gap_s), now_s)
        if objective_s is not None:
            missed = gap_s > objective_s
            known.itl.add(now_s, missed=missed)
            if missed:
                known.count(ITL_MISSED, now_s)

    def expected_ttft_s(self, name: TierName, input_tokens: int, now_s: float) -> float | None:
        """Expect the median of the times to the first content after such a prompt; None where too little was seen.

        Where prompts of this size are rare, what shorter ones took is the least that it can be. Longer ones say
        nothing: a guess must not keep a tier from requests.
        """
        counts = self._ttft_counts(name, input_tokens, now_s)
        return None if counts is None else quantile_s(counts, _MEDIAN)

    def ttft_within_s(self, name: TierName, input_tokens: int, now_s: float, share: float) -> float | None:
        """Return the time within which that share has its first content, and few more; None as above."""
        counts = self._ttft_counts(name, input_tokens, now_s)
        return None if counts is None else within_s(counts, share)

    def expected_itl_s(self, name: TierName, now_s: float) -> float | None:
        """Expect the median of the mean gaps between tokens; None where too little was seen."""
        known = self._tiers.get(name)
        if known is None:
            return None
        known.window.expire(now_s)
        _, (_, streams) = known.window.misses()
        return known.window.itl_s(_MEDIAN) if streams >= KNOWN_FROM else None

    def shifted(self, tiers: Mapping[TierName, Tier], now_s: float) -> Mapping[TierName, float]:
        """Return the tiers of which a share of the requests goes elsewhere, with that share. Looks once a second."""
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + _LOOK_S
            self._shifted = {name: share for name, share in self._look(tiers.values(), now_s) if share > 0.0}
        return self._shifted

    def forget_all_but(self, names: Collection[TierName]) -> None:
        """Drop what is known of tiers that a new policy no longer has."""
        self._tiers = {name: known for name, known in self._tiers.items() if name in names}
        self._look_at_s = float("-inf")

    def take_unshared(self) -> dict[TierName, Counts]:
        """Return what this worker counted since this was last asked."""
        taken = {name: known.unshared for name, known in self._tiers.items() if known.unshared}
        for name in taken:
            self._tiers[name].unshared = {}
        return taken

    def merge(self, others: Mapping[TierName, Mapping[int, int]], now_s: float) -> None:
        """Add what another worker counted just now."""
        for name, counts in others.items():
            self.tier(name).window.merge(counts, now_s)

    def _ttft_counts(self, name: TierName, input_tokens: int, now_s: float) -> Sequence[int] | None:
        known = self._tiers.get(name)
        if known is None:
            return None
        known.window.expire(now_s)
        for size in range(size_of(input_tokens), -1, -1):
            counts = known.window.ttft_counts(size)
            if sum(counts) >= KNOWN_FROM:
                return counts
        return None

    def _note_ttft(self, tier: Tier, input_tokens: int, waited_s: float, now_s: float, *, is_late: bool) -> None:
        known, objective_s = self.tier(tier.name), tier.slo.ttft_p95_s
        known.count(size_of(input_tokens) * BUCKETS + bucket_of(waited_s), now_s)
        if objective_s is not None:
            missed = is_late or waited_s > objective_s + tier.limits.ttft_s_per_input_token * input_tokens
            known.ttft.add(now_s, missed=missed)
            if missed:
                known.count(TTFT_MISSED, now_s)

    def _look(self, tiers: Iterable[Tier], now_s: float) -> Iterable[tuple[TierName, float]]:
        for tier in tiers:
            known, slo = self._tiers.get(tier.name), tier.slo
            if known is None:
                continue
            known.window.expire(now_s)
            ttft, itl = known.window.misses()
            breached = (slo.ttft_p95_s is not None and is_breach(*ttft)) or (
                slo.itl_p95_s is not None and is_breach(*itl)
            )
            known.shift.look(now_s, breached=breached)
            yield tier.name, known.shift.share
