"""R6 and R7: ladders of three tiers, what 99 % of the strongest's quality costs, and how near the oracle one comes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from router_models.benchmarks import LADDERS, LadderOf
from router_models.bootstrap import Interval, draws, interval
from router_models.data import CHARS_PER_TOKEN
from router_models.ladders import (
    Ladder,
    cost_at,
    cost_share_at,
    dials,
    frontier,
    gap_closed,
    height,
    spent,
    zero_router,
)
from router_models.report import Drawing, Line, Part, Series, Table, percent, verdict
from router_models.router import Rows, Stage
from router_models.scientific import Doubles
from router_models.workbench import Bench, everywhere

QUALITY: Final = 0.99
RESAMPLES: Final = 300
"""Fewer than for APGR, since a hull is drawn for each."""
LEAST_TESTED: Final = 50
POINTS: Final = 0.15
"""How far below the zero-router's cost the goal lies, as a share of the strongest tier's."""


@dataclass(frozen=True, slots=True)
class Held:
    """A ladder's queries that all tiers answered: their rows, costs, and outcomes by split."""

    of: LadderOf
    rows: Rows
    columns: list[int]
    expected_cost: Doubles
    quality: Doubles
    cost: Doubles
    split: np.ndarray[tuple[int], np.dtype[np.str_]]

    def ladder(self, chance: Doubles) -> Ladder:
        """Return the ladder under some predictions (queries x tiers)."""
        return Ladder(chance, self.expected_cost, self.quality, self.cost)


def held(bench: Bench, of: LadderOf) -> Held:
    """Lay a ladder out; of an answer's length only the tier's mean over the train split is expected."""
    outcomes = bench.outcomes
    columns = [outcomes.column(name) for name in of.tiers]
    tokens = outcomes.output_tokens[:, columns]
    answered = outcomes.where(source=of.source) & outcomes.seen[:, columns].all(axis=1) & ~np.isnan(tokens).any(axis=1)
    rows = np.flatnonzero(answered)
    split = np.array([outcomes.queries[row].split for row in rows])
    price = np.array([bench.prices[name] for name in of.tiers])
    fixed = bench.lengths()[rows, None] / CHARS_PER_TOKEN * price[:, 0]
    produced = tokens[rows].astype(np.float64)
    usual = produced[split == "train"].mean(axis=0)
    expected, cost = fixed + usual * price[:, 1], fixed + produced * price[:, 1]
    return Held(of, rows, columns, expected, bench.scores(rows, columns), cost, split)


def predictions(bench: Bench, ladder: Held) -> dict[Stage, Doubles]:
    """Return each stage's P(acceptable), queries x tiers, by routers that have not seen them."""
    placed, queries = bench.folds(), len(bench.outcomes.queries)
    return {stage: everywhere(placed, stage, ladder.columns, queries)[ladder.rows] for stage in bench.stages}


def dial_for(ladder: Ladder, quality_share: float) -> float:
    """Return the largest λ that keeps a share of the strongest tier's quality: chosen on queries kept for that."""
    at = dials(ladder.expected_cost)
    quality = spent(ladder, at).quality.mean(axis=0)
    good = np.flatnonzero(quality >= quality_share * ladder.quality[:, -1].mean())
    return float(at[good[-1]]) if len(good) else 0.0


@dataclass(frozen=True, slots=True)
class Saved:
    """What λ chosen on valid comes to on test, as shares of always strongest.

    `below` is how far its cost lies below the zero-router's at equal quality, `oracle` the oracle's cost there.
    """

    queries: int
    cost: float
    quality: float
    below: Interval
    oracle: float | None

    @property
    def zero(self) -> float:
        """Return the zero-router's cost at the same quality."""
        return self.cost + self.below.value

    def __str__(self) -> str:
        below = " to ".join(percent(each) for each in (self.below.low, self.below.high))
        return (
            f"{percent(self.cost)} % at {percent(self.quality)} % quality; below the zero-router by "
            f"{percent(self.below.value)} ({below}) points"
        )

    def line(self, ladder: str, router: str) -> Line:
        """Return its line in the one table."""
        kept = self.quality >= QUALITY
        return Line(
            "R6",
            f"{ladder}, {self.queries:,} test queries",
            router,
            str(self),
            none=percent(self.zero),
            oracle=percent(self.oracle),
            verdict=verdict(kept and self.below.value >= POINTS, kept and self.cost <= self.zero / 2),
        )


def r6(bench: Bench) -> Part:
    """Measure, on test, what λ chosen on valid costs."""
    lines: list[Line] = []
    rows: list[tuple[str, ...]] = []
    for of in LADDERS:
        ladder = held(bench, of)
        if (ladder.split == "test").sum() < LEAST_TESTED:
            continue
        for stage, chance in predictions(bench, ladder).items():
            whole, found = ladder.ladder(chance), saved(bench, ladder, chance)
            figures = (percent(each) for each in (found.cost, found.quality, found.zero))
            shares = (cost_share_at(frontier(whole), whole, share) for share in (0.95, 0.99, 1.0))
            lines.append(found.line(of.name, stage.value))
            rows.append((of.name, stage.value, str(found.queries), *figures, *(percent(share) for share in shares)))
        rows += _beside(ladder)
    columns = ("ladder", "router", "queries", "cost, %", "quality, %", "zero-router's cost there, %")
    hulls = tuple(f"all queries, hull at {share} %" for share in (95, 99, 100))
    title = "R6: λ chosen on valid for 99 % of the strongest's quality, cost on test, % of always strongest"
    return Part(tuple(lines), (Table(title, (*columns, *hulls), tuple(rows)),))


def saved(bench: Bench, ladder: Held, chance: Doubles) -> Saved:
    """Choose λ on the valid split for `QUALITY`, and say what it comes to on test."""
    whole = ladder.ladder(chance)
    dial = dial_for(whole.some(ladder.split == "valid"), QUALITY)
    test = whole.some(ladder.split == "test")
    done = spent(test, np.array([dial]))
    columns = np.column_stack([done.cost[:, 0], done.quality[:, 0], test.cost, test.quality])
    tiers = test.cost.shape[1]
    codes = np.unique(bench.groups()[ladder.rows][ladder.split == "test"], return_inverse=True)[1]
    samples = []
    for counts in draws(int(codes.max()) + 1, bench.seed, RESAMPLES):
        times = counts[codes]
        samples.append(_below_zero(times @ columns / times.sum(), tiers))
    below = interval(_below_zero(columns.mean(axis=0), tiers), np.array(samples))
    strongest_cost, strongest = float(test.cost[:, -1].mean()), float(test.quality[:, -1].mean())
    cost, quality = float(done.cost.mean()) / strongest_cost, float(done.quality.mean()) / strongest
    oracle = cost_at(frontier(test.oracle()), quality * strongest)
    return Saved(len(test.cost), cost, quality, below, None if oracle is None else oracle / strongest_cost)


def _below_zero(means: Doubles, tiers: int) -> float:
    """Return how far the cost lies below the zero-router's at equal quality, as a share of always strongest.

    `means`: cost and quality, then the tiers' costs, then their qualities. Beyond the best tier's quality the
    zero-router is taken to cost as much as that tier.
    """
    cost, quality, costs, qualities = means[0], means[1], means[2 : 2 + tiers], means[2 + tiers :]
    blind = cost_at(np.column_stack([costs, qualities]), quality)
    return float(((costs[-1] if blind is None else blind) - cost) / costs[-1])


def _beside(ladder: Held) -> list[tuple[str, ...]]:
    whole = ladder.ladder(ladder.quality)
    rows = []
    for name, points in (("zero-router", zero_router(whole)), ("oracle", frontier(whole.oracle()))):
        shares = (percent(cost_share_at(points, whole, share)) for share in (0.95, 0.99, 1.0))
        rows.append((ladder.of.name, name, str(len(whole.cost)), "", "", "", *shares))
    return rows


def r7(bench: Bench) -> Part:
    """Measure the share of the oracle's gap that is closed, out of fold over all queries."""
    parts_lines: list[Line] = []
    rows: list[tuple[str, ...]] = []
    drawings: list[Drawing] = []
    for number, of in enumerate(LADDERS, 1):
        ladder = held(bench, of)
        if len(ladder.rows) < LEAST_TESTED:
            continue
        found = predictions(bench, ladder)
        zero, oracle = zero_router(ladder.ladder(ladder.quality)), frontier(ladder.ladder(ladder.quality).oracle())
        low, high = float(zero[0, 0]), float(zero[-1, 0])
        for stage, chance in found.items():
            points = frontier(ladder.ladder(chance))
            closed = closed_by(bench, ladder, chance)
            heights = tuple(f"{height(each, low, high):.4f}" for each in (points, zero, oracle))
            rows.append((of.name, stage.value, str(len(ladder.rows)), str(closed), *heights))
            aim = verdict(closed.value >= 0.30, closed.value >= 0.45)
            measured = f"{of.name}, 5 folds, {len(ladder.rows):,} queries"
            parts_lines.append(Line("R7", measured, stage.value, str(closed), none="0", oracle="1", verdict=aim))
        drawings.append(_drawn(number, of, found, ladder, zero, oracle))
    columns = ("ladder", "router", "queries", "gap closed (95 %)", "AIQ", "zero-router's", "oracle's")
    return Part(tuple(parts_lines), (Table("R7: share of the oracle's gap", columns, tuple(rows)),), tuple(drawings))


def closed_by(bench: Bench, ladder: Held, chance: Doubles) -> Interval:
    """Return the share of the oracle's gap that predictions close."""
    whole = ladder.ladder(chance)
    oracle = whole.oracle()
    value = gap_closed(frontier(whole), zero_router(whole), frontier(oracle))
    ours, best = spent(whole, dials(whole.expected_cost)), spent(oracle, dials(oracle.expected_cost))
    every = np.hstack([ours.cost, ours.quality, best.cost, best.quality, whole.cost, whole.quality])
    cuts = np.cumsum([ours.cost.shape[1]] * 4 + [whole.cost.shape[1]])
    codes = np.unique(bench.groups()[ladder.rows], return_inverse=True)[1]
    samples = []
    for counts in draws(int(codes.max()) + 1, bench.seed, RESAMPLES):
        times = counts[codes]
        parts = np.split(times @ every / times.sum(), cuts)
        pairs = [np.column_stack(parts[at : at + 2]) for at in (0, 4, 2)]
        samples.append(gap_closed(pairs[0], pairs[1], pairs[2]))
    return interval(value, np.array(samples))


def _drawn(
    number: int, of: LadderOf, found: Mapping[Stage, Doubles], ladder: Held, zero: Doubles, oracle: Doubles
) -> Drawing:
    strongest = float(ladder.cost[:, -1].mean())
    curves = {stage.value: frontier(ladder.ladder(chance)) for stage, chance in found.items()} | {"oracle": oracle}
    series = [Series(name, 100 * points[:, 0] / strongest, points[:, 1]) for name, points in curves.items()]
    series.append(Series("tiers", 100 * zero[:, 0] / strongest, zero[:, 1], is_dotted=True))
    return Drawing(f"frontier-{number}", of.name, "cost, % of always strongest", "mean score", tuple(series))
