"""Figures that a reader can have again: what is promised of hedging and of outages, measured in virtual time."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rich.table import Table

from tests.sim.case import Ailment
from tests.sim.hedge_figure import EXTRA_MAX, P99_RATIO_MAX, RATE_PER_S, STALL_S, STALLING, Hedging, hedging
from tests.sim.outage_figure import (
    FLOOR_PER_S,
    FULL_WITHIN_S,
    HEDGES_MAX,
    HERD_MAX,
    TIERS,
    Outage,
    OutageFound,
    outage_found,
)

FIGURES: Final = ("hedging", "outage")
_SEEDS: Final = range(5)
_REQUESTS: Final = 4_000
_OUTAGES: Final = tuple(Outage(Ailment.DOWN, tiers, for_s=600.0, rate_per_s=200.0) for tiers in (1, TIERS))


def figure_tables(names: Sequence[str], say: Callable[[str], None]) -> Iterator[tuple[Table, bool]]:
    """Measure, and lay out each figure beside its goal, with whether all goals are met. `say` is told what is done."""
    if "hedging" in names:
        hedged = []
        for seed in _SEEDS:
            say(f"hedging, seed {seed}")
            hedged.append(hedging(seed, _REQUESTS))
        yield hedging_table(hedged), all(one.is_within for one in hedged)
    if "outage" in names:
        outages = []
        for outage in _OUTAGES:
            say(f"an outage of {outage.tiers} of {TIERS} tiers")
            outages.append(outage_found(outage))
        yield outage_table(outages), all(one.is_within for one in outages)


def outage_table(found: Sequence[OutageFound]) -> Table:
    """Lay out what outages come to, one a column."""
    outage = found[0].outage
    title = f"Outages, in virtual time: {outage.for_s / 60:g} min at {outage.rate_per_s:g} requests a second"
    headings = [f"{one.outage.tiers} of {TIERS} tiers {one.outage.kind}" for one in found]
    table = Table("of the outage and the ten seconds before", *headings, "goal", title=title)
    rows: tuple[tuple[str, Callable[[OutageFound], str], str], ...] = (
        ("requests", lambda one: f"{one.requests:,}", ""),
        ("  for which a server was asked: admitted", lambda one: f"{one.admitted:,}", ""),
        ("calls", lambda one: f"{one.calls:,}", ""),
        ("  for an admitted request", lambda one: f"{one.calls / one.admitted:.3f}", "≤ 1.1 and the floor"),
        (
            f"  allowed, with a floor of {FLOOR_PER_S:g}/s a tier",
            lambda one: f"{one.calls_max / one.admitted:.3f}",
            "",
        ),
        ("  for a request", lambda one: f"{one.calls / one.requests:.3f}", ""),
        ("hedges, % of the admitted", lambda one: f"{one.hedges / one.admitted * 1e2:.2f}", f"≤ {HEDGES_MAX * 1e2:g}"),
        ("full service after its end, s", lambda one: f"{one.full_after_s:.1f}", f"≤ {FULL_WITHIN_S:g}"),
        ("busiest second after it, × the rate", lambda one: f"{one.herd:.2f}", f"≤ {HERD_MAX:g}"),
    )
    for name, read, goal in rows:
        table.add_row(name, *map(read, found), goal)
    return table


def hedging_table(found: Sequence[Hedging]) -> Table:
    """Lay out what hedging is worth: medians of the seeds, lowest and highest."""
    table = Table("first content of streams", "measured", "goal", title=_hedging_title(found))
    rows: tuple[tuple[str, Callable[[Hedging], float], str], ...] = (
        ("P50, nothing stalls, s", lambda one: one.sound_p50_s, ""),
        ("P99, nothing stalls, s", lambda one: one.sound_p99_s, ""),
        (f"P99, {STALLING:.0%} stall, no hedges, s", lambda one: one.bare_p99_s, ""),
        (f"P99, {STALLING:.0%} stall, hedges, s", lambda one: one.p99_s, ""),
        ("  × P99 where nothing stalls", lambda one: one.ratio, f"≤ {P99_RATIO_MAX:g}"),
        ("second calls, % of requests", lambda one: one.extra * 1e2, f"≤ {EXTRA_MAX * 1e2:g}"),
        ("  where nothing stalls", lambda one: one.sound_extra * 1e2, f"≤ {EXTRA_MAX * 1e2:g}"),
        ("stalls that a client sat through, %", lambda one: one.felt / max(one.stalls, 1) * 1e2, ""),
    )
    for title, read, goal in rows:
        table.add_row(title, _range([read(one) for one in found]), goal)
    return table


def _hedging_title(found: Sequence[Hedging]) -> str:
    requests = found[0].requests
    return (
        f"Hedging, in virtual time: {len(found)} seeds of {requests:,} requests, {RATE_PER_S:g} a second; "
        f"{STALLING:.0%} of calls stall {STALL_S:g} s"
    )


def _range(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} [{min(values):.2f}–{max(values):.2f}]"
