"""What a λ is expected to do on the calibration requests, and how sure that is.

The quality kept is known from two sides: on kinds of task with enough graded answers of all the route's tiers, by what
came of those (`evidence`); on all others by the model, as the ratio Σ p(chosen) / Σ p(strongest) with its interval
(`interval`). The two are joined in proportion to what the strongest tier is expected to answer well on either side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.choices import Row, lay_out
from gateway.core.evidence import Evidence, find_evidence
from gateway.core.interval import Ends, ends_of, quality_low
from gateway.core.value import strongest
from gateway.domain.calibration import Catalogue
from gateway.domain.dial import Aim, Certificate, Dial, GradedBound, SetBy, WhenUnknown
from gateway.domain.tier import Tier


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything a route's λ is judged on. `top` is the strongest tier's position.

    `is_unseen` says of each calibration request that no graded answers stand for its kind of task; `unseen` are those
    requests, with the `ends` of their intervals. `top_p` and `seen_top_p` sum the strongest tier's p over all
    calibration requests and over those for which graded answers stand.
    """

    aim: Aim
    rows: tuple[Row, ...]
    tiers: int
    top: int
    evidence: Evidence | None
    is_unseen: tuple[bool, ...]
    unseen: tuple[Row, ...]
    ends: tuple[Ends, ...]
    top_p: float
    seen_top_p: float

    @property
    def top_cost_usd_nano(self) -> int:
        """Return what the calibration requests are expected to cost at the strongest tier."""
        return sum(row.costs_usd_nano[self.top] for row in self.rows)

    def unseen_p(self, row: int, position: int) -> float:
        """Return p of a calibration request at a tier; 0 where graded answers take its place."""
        return self.rows[row].p[position] if self.is_unseen[row] else 0.0

    def unseen_low(self, dial: float) -> float:
        """Return the lower bound of the quality that the model says a λ keeps where there are no graded answers."""
        if not self.unseen:
            return 1.0 if self.rows else 0.0
        return quality_low(self.unseen, self.ends, self.top, [row.choice(dial) for row in self.unseen])

    def quality(self, dial: float, unseen_p: float) -> float:
        """Return the expected share of the strongest tier's quality; `unseen_p` sums p(chosen) over the unseen."""
        if self.top_p <= 0.0:
            return 1.0
        seen = 0.0 if self.evidence is None else self.seen_top_p * self.evidence.quality(dial)
        return (seen + unseen_p) / self.top_p


def lay_ground(tiers: Sequence[Tier], aim: Aim, catalogue: Catalogue) -> Ground:
    """Gather what is known of a route's tiers."""
    top = strongest(tiers)
    rows = lay_out(tiers, top, catalogue.requests, aim.when_unknown)
    evidence = find_evidence(tiers, top, aim, catalogue) if rows else None
    seen_tasks = frozenset[str]() if evidence is None else evidence.tasks
    is_unseen = tuple(request.task not in seen_tasks for request in catalogue.requests)
    return Ground(
        aim=aim,
        rows=rows,
        tiers=len(tiers),
        top=top,
        evidence=evidence,
        is_unseen=is_unseen,
        unseen=tuple(row for row, unseen in zip(rows, is_unseen, strict=True) if unseen),
        ends=ends_of(tiers, top, (each for each, unseen in zip(catalogue.requests, is_unseen, strict=True) if unseen)),
        top_p=sum(row.p[top] for row in rows),
        seen_top_p=sum(row.p[top] for row, unseen in zip(rows, is_unseen, strict=True) if not unseen),
    )


def expect(ground: Ground, value: float, set_by: SetBy) -> Dial:
    """Say what λ does, by the rule that live requests take."""
    rows, evidence = ground.rows, ground.evidence
    chosen = [row.choice(value) for row in rows]
    unseen_p = sum(ground.unseen_p(row, position) for row, position in enumerate(chosen))
    spent = sum(row.costs_usd_nano[position] for row, position in zip(rows, chosen, strict=True))
    most = ground.top_cost_usd_nano
    low = ground.unseen_low(value)
    graded = None
    if evidence is not None:
        graded = GradedBound(len(evidence.rows), tuple(sorted(evidence.tasks)), evidence.quality_low(value))
        low = min(low, graded.quality_low)
    counts = (chosen.count(position) for position in range(ground.tiers))
    return Dial(
        value=value,
        certificate=_certificate(ground, chosen, low),
        shares=tuple(count / len(rows) for count in counts) if rows else _all_to(ground.top, ground.tiers),
        quality=ground.quality(value, unseen_p),
        quality_low=low,
        cost_share=spent / most if most > 0 else 1.0,
        strongest_when_unknown=ground.aim.when_unknown is WhenUnknown.STRONGEST,
        set_by=set_by,
        graded=graded,
    )


def _certificate(ground: Ground, chosen: Sequence[int], low: float) -> Certificate:
    quality = ground.aim.quality
    if quality is None or low < quality:
        return Certificate.NONE
    if all(position == ground.top for position in chosen):
        # Everything to the strongest keeps all of its quality; that is no merit while a cheaper tier stands idle.
        is_idle = any(min(row.costs_usd_nano) < row.costs_usd_nano[ground.top] for row in ground.rows)
        return Certificate.NONE if is_idle else Certificate.TRIVIAL
    if ground.evidence is None:
        return Certificate.MODEL
    return Certificate.MIXED if ground.unseen else Certificate.OUTCOMES


def strongest_only(ground: Ground) -> Dial:
    """Return the dial that keeps to the strongest able tier."""
    return Dial(
        value=0.0,
        certificate=Certificate.NONE,
        shares=_all_to(ground.top, ground.tiers),
        quality=1.0,
        quality_low=1.0,
        cost_share=1.0,
        strongest_only=True,
        set_by=SetBy.NOTHING,
    )


def _all_to(position: int, tiers: int) -> tuple[float, ...]:
    return tuple(float(tier == position) for tier in range(tiers))
