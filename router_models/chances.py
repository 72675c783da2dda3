"""R8 and R9: whether the chances are honest, and whether a guarantee set on some queries holds on others."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from router_models.benchmarks import HELD_OUT, STRONG, WEAK, two_tier_queries
from router_models.bootstrap import Codes, Interval, draws, interval
from router_models.fits import Placed
from router_models.guarantee import Bound, Guarantee, guarantee, violations
from router_models.measures import brier_skill, calibration_error, debiased_error, reliability
from router_models.partitions import without_family
from router_models.report import Drawing, Line, Part, Series, Table, Verdict, percent, verdict
from router_models.router import Stage
from router_models.scientific import Doubles
from router_models.workbench import Bench, everywhere

RESAMPLES: Final = 100
LEAST_TESTED: Final = 200
"""Fewer outcomes than this make an error of calibration mostly chance."""
JUDGED_SETS: Final = ("mmlu", "gsm8k")
"""RouteLLM's sets whose outcomes are right or wrong."""
ALPHA: Final = 0.15
DELTA: Final = 0.1

COLUMNS: Final = ("queries of", "router", "model", "outcomes", "ECE, debiased (95 %)", "ECE", "Brier skill")


def r8(bench: Bench) -> Part:
    """Measure calibration, of folds and of families that were not in training."""
    placed = bench.folds()
    rows: list[tuple[str, ...]] = []
    lines: list[Line] = []
    for stage in bench.stages:
        for dataset in JUDGED_SETS:
            found, told = _pair(bench, placed, stage, dataset, f"{dataset}, 5 folds")
            rows += told
            lines.append(_line(found, stage, f"{dataset}, 5 folds, the worse of two models", 0.02, 0.01))
        lines.append(_line([_mean(bench, placed, stage)], stage, "all queries, 5 folds, mean over models", 0.02, 0.01))
    for partition in without_family(bench.outcomes):
        task = partition.name.removeprefix("without-")
        dataset = HELD_OUT.get(task, "")
        if dataset not in JUDGED_SETS:
            continue
        alone = [bench.place(partition)]
        for stage in bench.stages:
            left_out = f"{dataset}, nothing of {task} in training"
            found, told = _pair(bench, alone, stage, dataset, left_out)
            rows += told
            lines.append(_line(found, stage, f"{left_out}, the worse of two models", 0.05, 0.03))
    table = Table("R8: calibration (15 bins of equal mass)", COLUMNS, tuple(rows))
    return Part(tuple(each for each in lines if each.figure), (table,), tuple(_drawn(bench, placed)))


def _pair(
    bench: Bench, placed: Sequence[Placed], stage: Stage, dataset: str, label: str
) -> tuple[list[Interval], list[tuple[str, ...]]]:
    tested = two_tier_queries(bench.outcomes, dataset)
    found: list[Interval] = []
    told: list[tuple[str, ...]] = []
    for name in (WEAK, STRONG):
        column = bench.outcomes.column(name)
        chance = everywhere(placed, stage, [column], len(tested))[:, 0]
        at = np.flatnonzero(tested & bench.outcomes.seen[:, column] & ~np.isnan(chance))
        if len(at) < LEAST_TESTED:
            continue
        said, came = chance[at], bench.scores(at, [column])[:, 0]
        error = error_of(bench, said, came, bench.groups()[at])
        figures = (f"{calibration_error(said, came):.3f}", f"{brier_skill(said, came):.3f}")
        found.append(error)
        told.append((label, stage.value, name, str(len(at)), str(error), *figures))
    return found, told


def error_of(bench: Bench, said: Doubles, came: Doubles, groups: Codes) -> Interval:
    """Return the debiased error, the spread of its resamples put around it: resampling itself adds to an error."""
    value = debiased_error(said, came, bench.seed)
    codes = np.unique(groups, return_inverse=True)[1]
    samples = []
    for counts in draws(int(codes.max()) + 1, bench.seed, RESAMPLES):
        at = np.repeat(np.arange(len(said)), counts[codes].astype(np.intp))
        samples.append(calibration_error(said[at], came[at]))
    spread = np.array(samples) - np.mean(samples) + value
    return interval(value, np.maximum(spread, 0.0))


def _mean(bench: Bench, placed: Sequence[Placed], stage: Stage) -> Interval:
    """Return the mean debiased error over the references, with the interval of a mean over references."""
    every: list[float] = []
    for column in range(len(bench.outcomes.references)):
        chance = everywhere(placed, stage, [column], len(bench.outcomes.queries))[:, 0]
        at = np.flatnonzero(bench.outcomes.seen[:, column] & ~np.isnan(chance))
        if len(at) >= LEAST_TESTED:
            every.append(debiased_error(chance[at], bench.scores(at, [column])[:, 0], bench.seed))
    if not every:
        return Interval(np.nan, np.nan, np.nan)
    mean, error = float(np.mean(every)), float(np.std(every) / len(every) ** 0.5)
    return Interval(mean, mean - 1.96 * error, mean + 1.96 * error)


def _line(found: Sequence[Interval], stage: Stage, measured: str, goal: float, moonshot: float) -> Line:
    if not found:
        return Line("R8", measured, stage.value, "")
    worst = max(found, key=lambda each: each.value)
    return Line("R8", measured, stage.value, str(worst), verdict=verdict(worst.value <= goal, worst.value <= moonshot))


def _drawn(bench: Bench, placed: Sequence[Placed]) -> list[Drawing]:
    drawings: list[Drawing] = []
    ends = np.array([0.0, 1.0])
    for dataset in JUDGED_SETS:
        tested = two_tier_queries(bench.outcomes, dataset)
        series = [Series("honest", ends, ends)]
        for name in (WEAK, STRONG):
            column = bench.outcomes.column(name)
            chance = everywhere(placed, bench.stages[0], [column], len(tested))[:, 0]
            at = np.flatnonzero(tested & ~np.isnan(chance))
            if len(at) < LEAST_TESTED:
                continue
            bins = reliability(chance[at], bench.scores(at, [column])[:, 0])
            series.append(Series(name, bins.chance, bins.outcome, is_dotted=True))
        if len(series) > 1:
            title = f"{dataset}, 5 folds, {bench.stages[0]}"
            drawings.append(Drawing(f"reliability-{dataset}", title, "said", "came true", tuple(series)))
    return drawings


def r9(bench: Bench) -> Part:
    """Judge the guarantee on MMLU, over random halves; queries are ordered by P(strong right) · P(weak wrong)."""
    rows = np.flatnonzero(two_tier_queries(bench.outcomes, "mmlu"))
    placed = bench.folds()
    below, above = bench.scores(rows, bench.pair()).T
    violated = violations(below, above)
    told: list[tuple[str, ...]] = []
    lines: list[Line] = []
    for stage in bench.stages:
        chance = everywhere(placed, stage, bench.pair(), len(bench.outcomes.queries))[rows]
        for bound in Bound:
            need = chance[:, 1] * (1 - chance[:, 0])
            found = guarantee(need, violated, ALPHA, delta=DELTA, bound=bound, seed=bench.seed)
            told.append(_told(stage, bound, found))
            lines.append(_promise(stage, bound, found))
    columns = ("router", "bound", "runs", "runs above α, %", "share to weak, %", "mean violation, %", "feasible, %")
    title = f"R9: weak wrong and strong right, α = {ALPHA}, δ = {DELTA}, MMLU, halves of {len(rows) // 2:,}"
    return Part(tuple(lines), (Table(title, columns, tuple(told)),))


def _told(stage: Stage, bound: Bound, found: Guarantee) -> tuple[str, ...]:
    shares = (found.exceeded, found.share, found.violation, found.feasible)
    return (stage.value, bound.value, str(found.runs), *(percent(share) for share in shares))


def _promise(stage: Stage, bound: Bound, found: Guarantee) -> Line:
    # The runs share their queries, so this interval is of the draw of halves alone.
    error = 1.96 * (found.exceeded * (1 - found.exceeded) / found.runs) ** 0.5
    kept = found.exceeded <= DELTA
    return Line(
        "R9",
        f"MMLU, 200 halves, bound on the {bound.value}",
        stage.value,
        f"{percent(found.exceeded)} ± {percent(error)} % of runs above α at a share of {percent(found.share)} %",
        none=f"violation {percent(found.base_rate)} %, all to weak",
        verdict=verdict(kept and found.share >= 0.45, kept and found.share >= 0.60) if found.runs else Verdict.NOT_RUN,
    )
