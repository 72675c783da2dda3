"""What a scope's own labels say of its semantic hits: from which probability on it serves, or that it serves none.

A seeded share of would-be hits is executed all the same and compared (`is_shadowed`); each comparison is a label.

    SERVING ── the labels of what was served tell that more than the allowed share is wrong ──▶ EXACT_ONLY
       ▲                                                                                          │
       └──── the labels since then certify a threshold by themselves (`hit_bound.threshold`) ◀────┘

*The breach* is a test that may be looked at after each label: a CUSUM of log likelihood ratios between "the allowed
share is wrong" and "three and a half times as much" (Page 1954; for betting instead of likelihoods, Shin, Ramdas and
Rinaldo 2022, "E-detectors"). It is raised when the evidence reaches 1 : `ODDS`: with a wrong share just at the bound
that takes at least so many labels on average (Lorden 1971), with half of it far longer, and with half of all hits wrong
a dozen. Only labels of what the threshold lets through count, for the promise is about nothing else.

*The threshold* rests on the calibration that came with the verifier and on the scope's labels together until there are
`ENOUGH` of these, and on these alone from then on; after a breach, at once on these alone. It is looked for anew every
`LOOKS_EVERY` labels: a test that is repeated at each of them would pass by chance. Old labels count half when there are
twice as many as are enough.
"""

import hashlib
import math
from dataclasses import replace
from enum import Enum
from typing import Final

from gateway.core.hit_bound import CONFIDENCE, bin_of, sum_of, threshold
from gateway.domain.noun import noun
from gateway.domain.question import ScoreCounts

ODDS: Final = 100.0
"""How much better "far too many are wrong" must explain the labels than "as many as allowed"."""
_FAR_TOO_MANY: Final = 3.5
"""So many times the allowed share, but no more than half of what lies between that and everything."""
ENOUGH: Final = 500
LOOKS_EVERY: Final = 50
_LOT_BYTES: Final = 8


class Standing(Enum):
    """Whether a scope serves semantic hits."""

    SERVING = "serving"
    EXACT_ONLY = "exact_only"


@noun
class Terms:
    """What a scope promises, and what it began with: the counts of the verifier's calibration.

    `max_wrong` is more than 0 and less than 1.
    """

    calibration: ScoreCounts
    max_wrong: float
    confidence: float = CONFIDENCE


@noun
class HitLabel:
    """A would-be hit that was executed all the same: its probability, and whether the cached answer was wrong."""

    probability: float
    is_wrong: bool


@noun
class HitProof:
    """Where a scope stands.

    `threshold` is the least probability that is served, None for nothing. `labels` are the scope's own counts, since
    the last breach if there was one; `evidence` is the logarithm of the CUSUM. `since_s` is when it came to stand so.
    """

    standing: Standing
    threshold: float | None
    labels: ScoreCounts
    evidence: float
    breaches: int
    since_s: float

    def serves(self, probability: float) -> bool:
        """Tell whether a would-be hit of this probability may be served."""
        return self.threshold is not None and probability >= self.threshold


def begin(terms: Terms, now_s: float) -> HitProof:
    """Return where a scope stands that has no labels yet."""
    labels = _none(terms.calibration)
    bound = threshold(terms.calibration, terms.max_wrong, terms.confidence)
    return HitProof(Standing.SERVING, bound, labels, 0.0, 0, now_s)


def learn(proof: HitProof, label: HitLabel, terms: Terms, now_s: float) -> HitProof:
    """Take in one label."""
    labels = _counted(proof.labels, label)
    is_breach, evidence = False, proof.evidence
    if proof.serves(label.probability):
        evidence = max(0.0, evidence) + _weight(label.is_wrong, terms.max_wrong)
        is_breach = evidence >= math.log(ODDS)
    if is_breach:
        return HitProof(Standing.EXACT_ONLY, None, _none(labels), 0.0, proof.breaches + 1, now_s)
    if _total(labels) % LOOKS_EVERY:
        return replace(proof, labels=labels, evidence=evidence)
    bound = _bound(labels, terms, is_alone=proof.breaches > 0)
    recovers = proof.standing is Standing.EXACT_ONLY and bound is not None
    return HitProof(
        Standing.SERVING if recovers else proof.standing,
        bound,
        _faded(labels),
        evidence,
        proof.breaches,
        now_s if recovers else proof.since_s,
    )


def is_shadowed(seed: bytes, request: bytes, share: float) -> bool:
    """Tell whether a would-be hit is executed all the same. A request that comes again draws the same lot."""
    lot = hashlib.blake2b(request, key=seed[: hashlib.blake2b.MAX_KEY_SIZE], digest_size=_LOT_BYTES).digest()
    return int.from_bytes(lot, "big") < share * (1 << 8 * _LOT_BYTES)


def _bound(labels: ScoreCounts, terms: Terms, *, is_alone: bool) -> float | None:
    counts = labels if is_alone or _total(labels) >= ENOUGH else sum_of(labels, terms.calibration)
    return threshold(counts, terms.max_wrong, terms.confidence)


def _weight(is_wrong: bool, max_wrong: float) -> float:
    """Return what a label adds to the evidence."""
    far_too_many = min(_FAR_TOO_MANY * max_wrong, (1.0 + max_wrong) / 2.0)
    if is_wrong:
        return math.log(far_too_many / max_wrong)
    return math.log((1.0 - far_too_many) / (1.0 - max_wrong))


def _counted(labels: ScoreCounts, label: HitLabel) -> ScoreCounts:
    at = bin_of(labels, label.probability)
    right, wrong = list(labels.right), list(labels.wrong)
    (wrong if label.is_wrong else right)[at] += 1
    return ScoreCounts(labels.edges, tuple(right), tuple(wrong))


def _faded(labels: ScoreCounts) -> ScoreCounts:
    """Halve counts of twice as many labels as are enough. Of odd ones the wrong are rounded up, the right down."""
    if _total(labels) < 2 * ENOUGH:
        return labels
    right = tuple(count // 2 for count in labels.right)
    return ScoreCounts(labels.edges, right, tuple(-(-count // 2) for count in labels.wrong))


def _none(counts: ScoreCounts) -> ScoreCounts:
    nothing = (0,) * len(counts.edges)
    return ScoreCounts(counts.edges, nothing, nothing)


def _total(counts: ScoreCounts) -> int:
    return sum(counts.right) + sum(counts.wrong)
