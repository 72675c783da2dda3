"""How often answers were right, by family and level, with intervals; and the level at which half of them are."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from gateway.core.probes.probe import LEVELS
from gateway.domain.ability import Z_95
from gateway.domain.noun import noun

HALF: Final = 0.5


@noun
class Share:
    """So many right of so many asked."""

    right: int
    asked: int

    @property
    def value(self) -> float:
        """Return the share itself; 0 of nothing."""
        return self.right / self.asked if self.asked else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 90 % interval (Wilson 1927), which stays within 0 and 1 however few were asked."""
        if not self.asked:
            return 0.0, 1.0
        n, p, z2 = self.asked, self.value, Z_95**2
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half_width = Z_95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        return max(0.0, middle - half_width), min(1.0, middle + half_width)


@noun
class GradedAnswer:
    """One graded answer."""

    family: str
    kind: str
    level: int
    is_right: bool


@noun
class Reliability:
    """Of a family, or of a kind of task: the share right at each level that was asked, and the curve through them.

    `curve` never rises with the level; `half_level` is where it passes one half: 0 when it begins below, `LEVELS` + 1
    when it never falls so low.
    """

    name: str
    kind: str
    levels: tuple[tuple[int, Share], ...]
    curve: tuple[float, ...]
    half_level: float

    @property
    def whole(self) -> Share:
        """Return the share right over all levels."""
        return Share(sum(share.right for _, share in self.levels), sum(share.asked for _, share in self.levels))


def by_family(answers: Sequence[GradedAnswer]) -> tuple[Reliability, ...]:
    """Return the map of every family that was asked, in the order of the answers' kinds and families."""
    families = sorted({(each.kind, each.family) for each in answers})
    return tuple(
        _reliability(family, kind, [each for each in answers if each.family == family]) for kind, family in families
    )


def by_kind(answers: Sequence[GradedAnswer]) -> tuple[Reliability, ...]:
    """Return the map of every kind of task."""
    kinds = sorted({each.kind for each in answers})
    return tuple(_reliability(kind, kind, [each for each in answers if each.kind == kind]) for kind in kinds)


def over_all(answers: Sequence[GradedAnswer]) -> Reliability:
    """Return the map of all answers together."""
    return _reliability("all", "all", answers)


def _reliability(name: str, kind: str, answers: Iterable[GradedAnswer]) -> Reliability:
    right, asked = [0] * LEVELS, [0] * LEVELS
    for each in answers:
        right[each.level - 1] += each.is_right
        asked[each.level - 1] += 1
    levels = tuple((at + 1, Share(right[at], asked[at])) for at in range(LEVELS) if asked[at])
    curve = falling([share for _, share in levels])
    return Reliability(name, kind, levels, curve, half_level([level for level, _ in levels], curve))


def falling(shares: Sequence[Share]) -> tuple[float, ...]:
    """Return the curve nearest to the shares that never rises: neighbours that would rise are pooled.

    Pool-adjacent-violators, weighted by what was asked (Barlow et al. 1972, "Statistical Inference under Order
    Restrictions").
    """
    pools: list[tuple[float, int, int]] = []
    for share in shares:
        pools.append((float(share.right), share.asked, 1))
        while len(pools) > 1 and pools[-1][0] * pools[-2][1] > pools[-2][0] * pools[-1][1]:
            (right, asked, length), (more_right, more_asked, more) = pools[-2:]
            pools[-2:] = [(right + more_right, asked + more_asked, length + more)]
    return tuple(right / asked for right, asked, length in pools for _ in range(length))


def half_level(levels: Sequence[int], curve: Sequence[float]) -> float:
    """Return where a falling curve passes one half, by straight lines between its points."""
    if not curve or curve[0] < HALF:
        return 0.0
    for at in range(1, len(curve)):
        if curve[at] < HALF:
            share = (curve[at - 1] - HALF) / (curve[at - 1] - curve[at])
            return levels[at - 1] + share * (levels[at] - levels[at - 1])
    return float(LEVELS + 1)
