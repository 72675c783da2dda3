"""R12: what feedback alone does for a family of tasks that was not in training, without a fit.

Labels move decisions as they do in service (`gateway.core.neighbours`): per tier, one Newton step of its logit over all
labels, and one over those nearest to the request. Of a label both models' outcomes are known, as of RouteLLM's labels.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from gateway.core.neighbours import COSINE_FROM, LOCAL_DOUBT_LABELS, LOGIT_MAX, NEAREST, level_of
from router_models.benchmarks import two_tier_queries
from router_models.data import Floats
from router_models.fits import Placed
from router_models.partitions import without_family
from router_models.report import Drawing, Line, Part, Series, Table, Verdict, verdict
from router_models.router import Rows, Stage
from router_models.scientific import Doubles, logistic
from router_models.two_tiers import Judged, Tested, judge
from router_models.workbench import Bench

LABELS: Final = (0, 50, 200, 1_000)
DRAWS: Final = 3
CHUNK: Final = 2_048


@dataclass(frozen=True, slots=True)
class Labels:
    """Labelled requests of one tier: vectors of unit length, outcomes, and what the model had said."""

    vectors: Floats
    scores: Doubles
    predicted: Doubles


def corrections(vectors: Floats, labels: Labels) -> Doubles:
    """Return what the labels add to the tier's logit at each of some requests."""
    found = np.zeros(len(vectors))
    if not len(labels.scores):
        return found
    level = level_of(labels.scores.tolist(), labels.predicted.tolist())
    raised = logistic(_logit(labels.predicted) + level)
    for start in range(0, len(vectors), CHUNK):
        cosines = vectors[start : start + CHUNK] @ labels.vectors.T
        near = np.argpartition(-cosines, min(NEAREST, cosines.shape[1]) - 1, axis=1)[:, :NEAREST]
        weights = np.clip((np.take_along_axis(cosines, near, axis=1) - COSINE_FROM) / (1 - COSINE_FROM), 0, None) ** 2
        p = raised[near]
        residual = (weights * (labels.scores[near] - p)).sum(axis=1)
        information = (weights * p * (1 - p)).sum(axis=1)
        found[start : start + CHUNK] = residual / (information + LOCAL_DOUBT_LABELS / 4)
    return np.clip(level + found, -LOGIT_MAX, LOGIT_MAX)


def adapted_gain(bench: Bench, placed: Placed, stage: Stage, labelled: Rows, tested: Rows) -> Doubles:
    """Return P(strong right) - P(weak right) of the tested queries, given labels; both by place in `placed`."""
    columns = bench.pair()
    vectors = bench.fits.texts.static[placed.rows]
    known = placed.familiarity[tested].astype(np.float64)
    chances = []
    predicted = placed.chance(stage, columns)
    modelled = placed.modelled(stage, columns)
    outcome = bench.scores(placed.rows, columns)
    for at, column in enumerate(columns):
        labels = Labels(vectors[labelled], outcome[labelled, at], predicted[labelled, at])
        shift = corrections(vectors[tested], labels)
        prior = float(placed.priors[column])
        moved = logistic(_logit(modelled[tested, at]) + shift)
        chances.append(known * moved + (1 - known) * logistic(_logit(np.array(prior)) + shift))
    found: Doubles = chances[1] - chances[0]
    return found


def r12(bench: Bench) -> Part:
    """Judge MMLU, nothing of its family in training, after 0 to 1 000 labels of it."""
    partition = next(without_family(bench.outcomes))
    placed = bench.place(partition)
    pool = np.flatnonzero(two_tier_queries(bench.outcomes, "mmlu")[placed.rows])
    codes = bench.groups()[placed.rows]
    counts = [count for count in LABELS if 2 * count <= len(pool)]
    lines: list[Line] = []
    rows: list[tuple[str, ...]] = []
    series: list[Series] = []
    for stage in bench.stages:
        reached = []
        for count in counts:
            judged = judge(bench, {stage.value: _tested(bench, placed, stage, pool, codes, count)})
            one = judged[stage.value]
            reached.append(one.apgr.value)
            lines.append(_line(count, stage, one, judged["length"], judged["oracle"]))
            rows.append((f"{count:,} labels", *one.row()))
        series.append(Series(stage.value, np.array(counts, np.float64), np.array(reached)))
    columns = (
        "labels",
        "router",
        "queries",
        "APGR (95 %)",
        "CPT(50) %",
        "CPT(80) %",
        "CPT(95) %",
        "less length (95 %)",
    )
    table = Table("R12: MMLU, nothing of its family in training, labels by feedback, no fit", columns, tuple(rows))
    drawing = Drawing("adaptation", "MMLU not in training", "labels that came as feedback", "APGR", tuple(series))
    return Part(tuple(lines), (table,), (drawing,))


def _tested(bench: Bench, placed: Placed, stage: Stage, pool: Rows, codes: Rows, count: int) -> Tested:
    found = []
    for draw in range(DRAWS if count else 1):
        labelled = np.random.default_rng(bench.seed + draw).permutation(pool)[:count]
        tested = pool[~np.isin(codes[pool], codes[labelled])]
        found.append((placed.rows[tested], adapted_gain(bench, placed, stage, labelled, tested)))
    return found


def _line(count: int, stage: Stage, one: Judged, length: Judged, oracle: Judged) -> Line:
    at = one.apgr.value
    found = {
        0: verdict(at >= 0.58, at >= 0.60),
        50: verdict(at >= 0.58, at >= 0.60),
        200: verdict(at >= 0.61, at >= 0.64),
        1_000: verdict(at >= 0.64, at >= 0.66),
    }
    beside = "" if one.over_length is None else f" ({one.over_length.value:+.3f}, from {one.over_length.low:+.3f})"
    return Line(
        "R12",
        f"MMLU family not in training, {count:,} labels",
        stage.value,
        str(one.apgr),
        f"{length.apgr.value:.3f}{beside}",
        "0.500",
        f"{oracle.apgr.value:.3f}",
        found.get(count, Verdict.FOR_COMPARISON),
    )


def _logit(chance: Doubles) -> Doubles:
    held = np.clip(chance, 1e-12, 1 - 1e-12)
    found: Doubles = np.log(held / (1 - held))
    return found
