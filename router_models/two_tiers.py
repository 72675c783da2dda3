"""How routers between RouteLLM's weak and strong model are judged, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from router_models.benchmarks import two_tier_queries
from router_models.bootstrap import RESAMPLES, Interval, Ranking, apgr_samples, interval, standing
from router_models.data import Mask
from router_models.fits import Placed
from router_models.measures import STEPS, apgr, calls_needed, gap_recovered
from router_models.references_table import ROUTELLM_ROWS
from router_models.report import Drawing, Line, Series, Table, Verdict
from router_models.router import Rows, Stage
from router_models.scientific import Doubles
from router_models.workbench import Bench, everywhere

COLUMNS: Final = ("router", "queries", "APGR (95 %)", "CPT(50) %", "CPT(80) %", "CPT(95) %", "less length (95 %)")
RANDOM: Final = ("random", "", "0.500", "50.0", "80.0", "95.0", "")


@dataclass(frozen=True, slots=True)
class Judged:
    """One router's figures; several fits' are averaged."""

    name: str
    queries: int
    apgr: Interval
    cpt50: float
    cpt80: float
    cpt95: float
    curve: Doubles
    samples: Doubles
    over_length: Interval | None = None

    def row(self) -> tuple[str, ...]:
        """Return the router's line of a table."""
        over = "" if self.over_length is None else str(self.over_length)
        calls = (f"{calls:.1f}" for calls in (self.cpt50, self.cpt80, self.cpt95))
        return (self.name, str(self.queries), str(self.apgr), *calls, over)


Tested = Sequence[tuple[Rows, Doubles]]
"""For each fit the queries that it did not see, and by what each is ranked."""


def judge(bench: Bench, routers: Mapping[str, Tested]) -> dict[str, Judged]:
    """Judge routers that were tested on the same queries, with length and the oracle beside them."""
    (first, *_) = routers.values()
    columns, codes, lengths = bench.pair(), bench.groups(), bench.lengths()
    gains = [np.diff(bench.scores(rows, columns)).ravel() for rows, _ in first]
    beside: dict[str, Tested] = {
        "length": [(rows, lengths[rows]) for rows, _ in first],
        "oracle": [(rows, gain) for (rows, _), gain in zip(first, gains, strict=True)],
    }
    every = {**beside, **routers}
    rankings = [
        [Ranking(score, gain, codes[rows]) for (rows, score), gain in zip(tested, gains, strict=True)]
        for tested in every.values()
    ]
    samples = apgr_samples(rankings, bench.seed, RESAMPLES)
    found = {name: _judged(name, *both) for name, *both in zip(every, rankings, samples, strict=True)}
    found |= {name: _beside_length(found[name], found["length"]) for name in routers}
    return {name: found[name] for name in (*routers, "length", "oracle")}


def _judged(name: str, rankings: Sequence[Ranking], samples: Doubles) -> Judged:
    curves = [gap_recovered(each.score, np.zeros_like(each.gain), each.gain) for each in rankings]
    value = float(np.mean([apgr(each.score, np.zeros_like(each.gain), each.gain) for each in rankings]))
    half, most, nearly = (float(np.mean([calls_needed(each, share) for each in curves])) for share in (0.5, 0.8, 0.95))
    queries = round(float(np.mean([len(each.gain) for each in rankings])))
    curve: Doubles = np.mean(curves, axis=0)
    return Judged(name, queries, interval(value, samples), half, most, nearly, curve, samples)


def _beside_length(judged: Judged, length: Judged) -> Judged:
    lead = judged.apgr.value - length.apgr.value
    return replace(judged, over_length=interval(lead, judged.samples - length.samples))


def detail(title: str, dataset: str, judged: Mapping[str, Judged]) -> Table:
    """Return all routers of a test, with what RouteLLM's authors published."""
    published = tuple((name, "", *figures, "", "") for name, *figures in ROUTELLM_ROWS[dataset])
    return Table(title, COLUMNS, (*(each.row() for each in judged.values()), RANDOM, *published))


def line(protocol: str, measured: str, judged: Mapping[str, Judged], name: str, found: Verdict) -> Line:
    """Return a router's line in the one table."""
    one = judged[name]
    over = one.over_length
    beside = "" if over is None else f"; {standing(over)}: {over.value:+.3f} ({over.low:+.3f} to {over.high:+.3f})"
    return Line(
        protocol=protocol,
        measured=f"{measured}, {one.queries:,} queries",
        router=name,
        figure=f"{one.apgr}; CPT(50) {one.cpt50:.1f}, CPT(80) {one.cpt80:.1f}",
        length=f"{judged['length'].apgr.value:.3f}{beside}",
        none="0.500",
        oracle=f"{judged['oracle'].apgr.value:.3f}",
        verdict=found,
    )


def drawn(name: str, title: str, judged: Mapping[str, Judged]) -> Drawing:
    """Draw PGR over the share of strong calls."""
    share = np.linspace(0, 100, STEPS + 1)
    series = [Series(each.name, share, each.curve) for each in judged.values()]
    series.append(Series("random", share, share / 100))
    return Drawing(name, title, "calls to the strong model, %", "part of the gap recovered", tuple(series))


def gains(bench: Bench, placed: Sequence[Placed], stage: Stage, rows: Rows) -> Doubles:
    """Return P(strong right) - P(weak right) of some queries, each by the router that placed it."""
    chance = everywhere(placed, stage, bench.pair(), len(bench.outcomes.queries))
    found: Doubles = (chance[:, 1] - chance[:, 0])[rows]
    return found


def pooled(bench: Bench, placed: Sequence[Placed], dataset: str) -> dict[str, Judged]:
    """Judge every stage on one of RouteLLM's sets, the folds' queries together."""
    tested = two_tier_queries(bench.outcomes, dataset) & _placed_rows(bench, placed)
    rows = np.flatnonzero(tested)
    return judge(bench, {stage.value: [(rows, gains(bench, placed, stage, rows))] for stage in bench.stages})


def _placed_rows(bench: Bench, placed: Sequence[Placed]) -> Mask:
    found = np.zeros(len(bench.outcomes.queries), bool)
    for each in placed:
        found[each.rows] = True
    return found
