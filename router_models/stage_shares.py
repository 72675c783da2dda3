"""R11, first half: which stage decides how much, and what quality each short cut loses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.core.undecided import Z_UNDECIDED
from router_models.benchmarks import LADDERS, two_tier_queries
from router_models.fits import Placed
from router_models.report import Line, Part, Table, percent, verdict
from router_models.router import Stage
from router_models.scientific import Doubles
from router_models.shortcuts import apgr_of_choices, chain, thresholds
from router_models.three_tiers import LEAST_TESTED, QUALITY, dial_for, held, predictions
from router_models.two_tiers import gains
from router_models.workbench import Bench

WIDTHS: Final = (0.1, 0.25, 0.5, Z_UNDECIDED, 2.0)
"""Standard deviations of lead at which a decision is closed; the gateway's own is among them."""
LOST_MAX: Final = 0.005
COLUMNS: Final = (
    "decision",
    "stages",
    "width",
    "folded, %",
    "static, %",
    "encoder, %",
    "quality",
    "lost to the best stage",
    "cost, % of that by the best stage",
)


@dataclass(frozen=True, slots=True)
class Task:
    """Decisions to be made: λ, and for each query the expected costs, true costs and outcomes of the tiers."""

    name: str
    rows: NDArray[np.intp]
    columns: list[int]
    dial: float
    expected_cost: Doubles
    cost: Doubles
    quality: Doubles


def shares(bench: Bench) -> Part:
    """Measure the 50 % threshold on MMLU, every ladder at its λ, and the APGR that short cuts lose."""
    placed = bench.folds()
    tasks = [_half(bench, placed), *_ladders(bench)]
    table = Table("Stages: who decides, and what short cuts lose", COLUMNS, tuple(_rows(bench, placed, tasks)))
    lines, curve = _apgr_lost(bench, placed)
    return Part(lines, (table, curve))


def _half(bench: Bench, placed: Sequence[Placed]) -> Task:
    rows = np.flatnonzero(two_tier_queries(bench.outcomes, "mmlu"))
    threshold = float(np.median(gains(bench, placed, bench.stages[0], rows)))
    costs = np.tile([0.0, 1.0], (len(rows), 1))
    return Task("MMLU, 50 % threshold", rows, bench.pair(), threshold, costs, costs, bench.scores(rows, bench.pair()))


def _ladders(bench: Bench) -> list[Task]:
    tasks = []
    for of in LADDERS:
        ladder = held(bench, of)
        if len(ladder.rows) < LEAST_TESTED:
            continue
        best = ladder.ladder(predictions(bench, ladder)[bench.stages[0]])
        dial = dial_for(best.some(ladder.split == "valid"), QUALITY)
        costs = (ladder.expected_cost, ladder.cost, ladder.quality)
        tasks.append(Task(f"{of.name}, 99 % of quality", ladder.rows, ladder.columns, dial, *costs))
    return tasks


def _chains(bench: Bench) -> list[list[Stage]]:
    """Return every chain that a gateway may have: one that stops at each stage, and each stage alone."""
    cheapest_first = bench.stages[::-1]
    growing = [cheapest_first[: count + 1] for count in range(1, len(cheapest_first))]
    return [*growing, *([stage] for stage in cheapest_first)]


def _rows(bench: Bench, placed: Sequence[Placed], tasks: Sequence[Task]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for task in tasks:
        best, _ = _decided(placed, [bench.stages[0]], task, Z_UNDECIDED)
        quality, cost = _came(task, best)
        for stages in _chains(bench):
            for width in WIDTHS if len(stages) > 1 else (Z_UNDECIDED,):
                chosen, by = _decided(placed, stages, task, width)
                ours, spent = _came(task, chosen)
                part = {stage: float((by == position).mean()) for position, stage in enumerate(stages)}
                found.append(
                    (
                        task.name,
                        " → ".join(stages),
                        f"{width:g}" if len(stages) > 1 else "",
                        *(percent(part[stage]) if stage in part else "" for stage in Stage),
                        f"{ours:.4f}",
                        f"{quality - ours:+.4f}",
                        percent(spent / cost) if cost else "",
                    )
                )
    return found


def _decided(
    placed: Sequence[Placed], stages: Sequence[Stage], task: Task, width: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the chosen tier of each of the task's queries, and the position of the stage that chose it."""
    place_of = np.full(int(max(each.rows.max() for each in placed)) + 1, -1)
    place_of[task.rows] = np.arange(len(task.rows))
    chosen, by = np.zeros(len(task.rows), np.intp), np.zeros(len(task.rows), np.intp)
    for each in placed:
        here = np.flatnonzero(place_of[each.rows] >= 0)
        at = place_of[each.rows[here]]
        found = chain(each.some(here), stages, task.columns, task.expected_cost[at], task.dial, width)
        chosen[at], by[at] = found.chosen, found.decided_by
    return chosen, by


def _came(task: Task, chosen: NDArray[np.intp]) -> tuple[float, float]:
    rows = np.arange(len(chosen))
    return float(task.quality[rows, chosen].mean()), float(task.cost[rows, chosen].mean())


def _apgr_lost(bench: Bench, placed: Sequence[Placed]) -> tuple[tuple[Line, ...], Table]:
    """Return what APGR on MMLU a chain loses against asking its last stage for everything."""
    half = _half(bench, placed)
    gain = np.diff(half.quality).ravel()
    lines: list[Line] = []
    rows: list[tuple[str, ...]] = []
    for stages in _chains(bench)[: len(bench.stages) - 1]:
        at = thresholds(gains(bench, placed, stages[-1], half.rows))
        for width in WIDTHS:
            reached = [
                apgr_of_choices([_strong(placed, each, half, threshold, width) for threshold in at], gain)
                for each in (stages, stages[-1:])
            ]
            lost = reached[1] - reached[0]
            rows.append((" → ".join(stages), f"{width:g}", *(f"{each:.4f}" for each in reached), f"{lost:+.4f}"))
            if width == Z_UNDECIDED:
                figure = f"APGR {reached[0]:.3f} by short cuts, {reached[1]:.3f} without: {lost:+.4f} lost"
                reads = verdict(lost <= LOST_MAX, moonshot=lost <= LOST_MAX / 2)
                lines.append(Line("R11", "MMLU, 5 folds, all thresholds", " → ".join(stages), figure, verdict=reads))
    columns = ("stages", "width", "APGR", "APGR, all by the last", "lost")
    return tuple(lines), Table("Stages: APGR on MMLU by short cuts", columns, tuple(rows))


def _strong(
    placed: Sequence[Placed], stages: Sequence[Stage], half: Task, threshold: float, width: float
) -> NDArray[np.bool_]:
    if not np.isfinite(threshold):
        return np.full(len(half.rows), threshold < 0)
    task = Task(half.name, half.rows, half.columns, threshold, half.expected_cost, half.cost, half.quality)
    found: NDArray[np.bool_] = _decided(placed, stages, task, width)[0] == 1
    return found
