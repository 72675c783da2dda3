"""R12: what feedback alone does for a family of tasks that was not in training, without a fit.

Labels move decisions as they do in service (`gateway.core.neighbours`): per tier, one Newton step of its logit over all
labels, and one over those nearest to the request. Of a label both models' outcomes are known, as of RouteLLM's labels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from gateway.core.neighbours import (
    COSINE_FROM,
    DOUBT_LABELS,
    LINE_FROM,
    LINE_RIDGE,
    LOCAL_DOUBT_LABELS,
    LOGIT_MAX,
    NEAREST,
    SAID_CHANCE_MIN,
    SAID_RIDGE,
    level_of,
)
from router_models.benchmarks import two_tier_queries
from router_models.data import Floats
from router_models.fits import Placed
from router_models.partitions import without_family
from router_models.report import Drawing, Line, Part, Series, Table, Verdict, verdict
from router_models.router import Rows, Stage
from router_models.scientific import Doubles, logistic
from router_models.two_tiers import Judged, judge
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


@dataclass(frozen=True, slots=True)
class Rule:
    """How labels are made a correction: the gateway's constants, or others that are tried.

    Without `doubt` near labels say nothing. With `line_ridge`, a function of the number of labels, the level is a line
    along what the model says of the requests and along their vectors: x being (1, logit p, vector), it is x·b with one
    Newton step from 0 under a ridge R, b = (Σ p·(1 − p)·x x' + R)⁻¹ Σ x·(y − p), where R holds the level as ever, the
    slope along the logit by `said_ridge` and each along the vector by that.
    """

    doubt: float | None = LOCAL_DOUBT_LABELS
    cosine_from: float = COSINE_FROM
    line_ridge: Callable[[int], float] | None = lambda _: LINE_RIDGE
    line_from: int = LINE_FROM
    said_ridge: float = SAID_RIDGE


SERVED: Final = Rule()
LEVEL: Final = Rule(line_ridge=None)


def corrections(vectors: Floats, said: Doubles, labels: Labels, rule: Rule = SERVED) -> Doubles:
    """Return what the labels add to the tier's logit at each of some requests; `said` is what the model says there."""
    found: Doubles = np.zeros(len(vectors))
    if not len(labels.scores):
        return found
    line = line_of(labels, rule)
    off = np.clip(_rows(vectors, said) @ line, -LOGIT_MAX, LOGIT_MAX)
    if rule.doubt is None:
        return off
    there = np.clip(_rows(labels.vectors, labels.predicted) @ line, -LOGIT_MAX, LOGIT_MAX)
    raised = logistic(_logit(labels.predicted) + there)
    for start in range(0, len(vectors), CHUNK):
        cosines = vectors[start : start + CHUNK] @ labels.vectors.T
        near = np.argpartition(-cosines, min(NEAREST, cosines.shape[1]) - 1, axis=1)[:, :NEAREST]
        above = (np.take_along_axis(cosines, near, axis=1) - rule.cosine_from) / (1 - rule.cosine_from)
        weights = np.clip(above, 0, None) ** 2
        p = raised[near]
        residual = (weights * (labels.scores[near] - p)).sum(axis=1)
        information = (weights * p * (1 - p)).sum(axis=1)
        found[start : start + CHUNK] = residual / (information + rule.doubt / 4)
    return np.clip(off + found, -LOGIT_MAX, LOGIT_MAX)


def line_of(labels: Labels, rule: Rule) -> Doubles:
    """Return how far the tier stands off: its level, and the slopes of it along what is said and along the vectors."""
    p, rows = labels.predicted, _rows(labels.vectors, labels.predicted)
    if rule.line_ridge is None or len(p) < rule.line_from:
        level: Doubles = np.zeros(rows.shape[1])
        level[0] = level_of(labels.scores.tolist(), p.tolist())
        return level
    ridge = np.full(rows.shape[1], rule.line_ridge(len(p)))
    ridge[:2] = DOUBT_LABELS / 4, rule.said_ridge
    curvature = (rows * (p * (1 - p))[:, None]).T @ rows + np.diag(ridge)
    return np.linalg.solve(curvature, (labels.scores - p) @ rows).astype(np.float64)


def _rows(vectors: Floats, said: Doubles) -> Doubles:
    logit = _logit(np.clip(said, SAID_CHANCE_MIN, 1 - SAID_CHANCE_MIN))
    return np.column_stack([np.ones(len(logit)), logit, vectors.astype(np.float64)])


def adapted_gain(
    bench: Bench, placed: Placed, stage: Stage, labelled: Rows, tested: Rows, rule: Rule = SERVED
) -> Doubles:
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
        shift = corrections(vectors[tested], predicted[tested, at], labels, rule)
        prior = float(placed.priors[column])
        moved = logistic(_logit(modelled[tested, at]) + shift)
        chances.append(known * moved + (1 - known) * logistic(_logit(np.array(prior)) + shift))
    found: Doubles = chances[1] - chances[0]
    return found


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of labels: the labelled and the tested queries, by place in `placed`, which share no group."""

    labelled: Rows
    tested: Rows


def pool_of(bench: Bench, placed: Placed) -> Rows:
    """Return MMLU's queries, by place in `placed`: labels are drawn from them, and the others are tested."""
    return np.flatnonzero(two_tier_queries(bench.outcomes, "mmlu")[placed.rows])


def draws_of(bench: Bench, placed: Placed, count: int) -> list[Draw]:
    """Draw so many labels, a few times; without labels there is nothing to draw."""
    pool, codes = pool_of(bench, placed), bench.groups()[placed.rows]
    found = []
    for draw in range(DRAWS if count else 1):
        labelled = np.random.default_rng(bench.seed + draw).permutation(pool)[:count]
        found.append(Draw(labelled, pool[~np.isin(codes[pool], codes[labelled])]))
    return found


def measured(count: int) -> str:
    """Say what is measured after so many labels."""
    return f"MMLU family not in training, {count:,} labels"


def r12(bench: Bench) -> Part:
    """Judge MMLU, nothing of its family in training, after 0 to 1 000 labels of it."""
    partition = next(without_family(bench.outcomes))
    placed = bench.place(partition)
    counts = [count for count in LABELS if 2 * count <= len(pool_of(bench, placed))]
    lines: list[Line] = []
    rows: list[tuple[str, ...]] = []
    series: list[Series] = []
    for stage in bench.stages:
        reached = []
        for count in counts:
            tested = [
                (placed.rows[draw.tested], adapted_gain(bench, placed, stage, draw.labelled, draw.tested))
                for draw in draws_of(bench, placed, count)
            ]
            judged = judge(bench, {stage.value: tested})
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
        measured(count),
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
