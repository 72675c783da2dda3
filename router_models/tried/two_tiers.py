"""R1 to R4: the order of queries between two tiers, by routers that are fitted on the two tiers' outcomes alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from router_models.benchmarks import two_tier_queries
from router_models.bootstrap import interval
from router_models.data import Mask
from router_models.measures import apgr
from router_models.partitions import Partition, few_labels, folds, whole_subjects
from router_models.references_table import AIMS
from router_models.report import Line
from router_models.router import Rows, group_parts
from router_models.scientific import Doubles
from router_models.tried.answers import answers_of_others
from router_models.tried.attempt import SHIPPED, Attempt, Cost, Missed, joined
from router_models.tried.heads import Alternative, Fitted, dense_heads, ranks
from router_models.tried.kept import Said, said
from router_models.tried.workshop import Workshop
from router_models.two_tiers import Judged, judge
from router_models.workbench import Bench

ENSEMBLE: Final = "mean of the ranks by all of these"
WITH_SHIPPED: Final = "mean of the ranks by all of these and what is shipped"
SHARES: Final = (0.25, 0.5, 1.0)
"""Of the labels, for the curve of what more of them bring."""
CURVE_SEED: Final = 5
LEAST_QUERIES: Final = 200
LEAST_ANSWERED: Final = 5
"""Other models that must have answered a query before it says anything of what they did."""


@dataclass(frozen=True, slots=True)
class Test:
    """A protocol's queries: what is fitted on, and which order is judged. `pooled`: the folds' queries together."""

    dataset: str
    partitions: Sequence[Partition]
    pooled: bool


def r1(shop: Workshop) -> list[Missed]:
    """Try MMLU out of fold."""
    test = Test("mmlu", list(folds(shop.bench.outcomes, shop.bench.seed)), pooled=True)
    return [_tried(shop, "R1", line, test) for line in shop.missed("R1").values()]


def r2(shop: Workshop) -> list[Missed]:
    """Try MMLU with 1 500 of its labels. No alternative reads another family, but what is shipped may."""
    found = []
    for line in shop.missed("R2").values():
        with_others = "nothing else" not in line.measured
        draws = few_labels(shop.bench.outcomes, shop.bench.seed, with_others=with_others)
        found.append(_tried(shop, "R2", line, Test("mmlu", list(draws), pooled=False)))
    return found


def r3(shop: Workshop) -> list[Missed]:
    """Try MMLU's unseen subjects."""
    test = Test("mmlu", list(whole_subjects(shop.bench.outcomes)), pooled=True)
    return [_tried(shop, "R3", line, test) for line in shop.missed("R3").values()]


def r4(shop: Workshop) -> list[Missed]:
    """Try GSM8K out of fold."""
    test = Test("gsm8k", list(folds(shop.bench.outcomes, shop.bench.seed)), pooled=True)
    return [_tried(shop, "R4", line, test) for line in shop.missed("R4").values()]


def _tried(shop: Workshop, protocol: str, line: Line, test: Test) -> Missed:
    bench, every = shop.bench, shop.alternatives
    rows = [_tested(bench, partition, test.dataset) for partition in test.partitions]
    gains: dict[str, list[Doubles]] = {}
    costs: dict[str, Cost] = {}
    for each in every:
        found = [pair_chances(bench, each, partition, test.dataset) for partition in test.partitions]
        gains[each.name] = [np.diff(one.chances).ravel() for one in found]
        costs[each.name] = found[0].cost
    ranked = [[ranks(gain) for gain in found] for found in gains.values()]
    gains[ENSEMBLE] = [_mean(parts) for parts in zip(*ranked, strict=True)]
    shipped = _shipped(bench, test, rows)
    if shipped:
        gains[WITH_SHIPPED] = [_mean(p) for p in zip(*ranked, [ranks(gain) for gain in shipped], strict=True)]
        gains[SHIPPED] = shipped
    costs[ENSEMBLE] = costs[WITH_SHIPPED] = joined(list(costs.values()))
    judged = _judged(bench, gains, rows, test)
    attempts = [_attempt(judged, name, line, costs[name]) for name in gains if name != SHIPPED]
    strongest = max(every, key=lambda each: judged[each.name].apgr.value)
    bounds = [_curve(bench, protocol, strongest, test, rows)]
    if test.pooled:
        bounds += _by_others(bench, test, rows, gains)
    return Missed(protocol, line.measured, AIMS[protocol].goal, f"{line.router} {line.figure}", attempts, bounds)


def _tested(bench: Bench, partition: Partition, dataset: str) -> Rows:
    return np.flatnonzero(partition.tested & two_tier_queries(bench.outcomes, dataset))


def pair_chances(bench: Bench, each: Alternative, partition: Partition, dataset: str) -> Said:
    """Return what an alternative says of a set's tested queries, fitted on those of the set in training."""
    of_set = two_tier_queries(bench.outcomes, dataset)
    training, tested = np.flatnonzero(partition.training & of_set), np.flatnonzero(partition.tested & of_set)
    return said(bench, each, f"{dataset}, {partition.name}", training, bench.scores(training, bench.pair()), tested)


def _fit(bench: Bench, each: Alternative, training: Mask) -> Fitted:
    rows = np.flatnonzero(training)
    return each.fit(rows, bench.scores(rows, bench.pair()))


def _gain(fitted: Fitted, rows: Rows) -> Doubles:
    return np.diff(fitted.chances(rows)).ravel()


def _shipped(bench: Bench, test: Test, rows: list[Rows]) -> list[Doubles]:
    """Return the gains by the dearest stage, where `evaluate` has kept its fits: they take longer than all the rest."""
    if not all(bench.fits.has(partition.name) for partition in test.partitions):
        return []
    found = []
    for partition, at in zip(test.partitions, rows, strict=True):
        placed = bench.place(partition)
        chance = placed.some(np.flatnonzero(np.isin(placed.rows, at))).chance(bench.stages[0], bench.pair())
        found.append(np.diff(chance).ravel())
    return found


def _mean(parts: Sequence[Doubles]) -> Doubles:
    found: Doubles = np.mean(parts, axis=0)
    return found


def _judged(bench: Bench, gains: Mapping[str, list[Doubles]], rows: list[Rows], test: Test) -> dict[str, Judged]:
    if test.pooled:
        at = np.concatenate(rows)
        return judge(bench, {name: [(at, np.concatenate(found))] for name, found in gains.items()})
    return judge(bench, {name: list(zip(rows, found, strict=True)) for name, found in gains.items()})


def _attempt(judged: Mapping[str, Judged], name: str, line: Line, cost: Cost) -> Attempt:
    """Set a figure beside the shipped one: draw by draw where that was kept, else beside what the card says."""
    one = judged[name]
    if SHIPPED in judged:
        shipped = judged[SHIPPED]
        lead = interval(one.apgr.value - shipped.apgr.value, one.samples - shipped.samples)
        return Attempt(name, str(one.apgr), f"{lead.value:+.3f} ({lead.low:+.3f} to {lead.high:+.3f})", cost)
    return Attempt(name, str(one.apgr), f"{one.apgr.value - float(line.figure.split()[0]):+.3f}", cost)


def _curve(bench: Bench, protocol: str, each: Alternative, test: Test, rows: list[Rows]) -> str:
    """Say what the strongest of the simple routers reaches by the share of the labels that it is fitted on."""
    of_set = two_tier_queries(bench.outcomes, test.dataset)
    part = group_parts(np.array([query.group for query in bench.outcomes.queries]), bench.seed + CURVE_SEED)
    gains: dict[str, list[Doubles]] = {}
    seen: list[float] = []
    for share in SHARES:
        fewer = [replace(partition, training=partition.training & (part < share)) for partition in test.partitions]
        bench.note(f"{protocol}: {each.name}, {share:.0%} of the labels")
        fitted = [_fit(bench, each, one.training & of_set) for one in fewer]
        labels = round(float(np.mean([(one.training & of_set).sum() for one in fewer])))
        gains[f"{labels:,}"] = [_gain(one, at) for one, at in zip(fitted, rows, strict=True)]
        if share == 1.0:
            seen = [
                _apgr(bench, one, np.flatnonzero(two.training & of_set)) for one, two in zip(fitted, fewer, strict=True)
            ]
    judged = _judged(bench, gains, rows, test)
    told = ", ".join(f"{judged[labels].apgr.value:.3f} with {labels}" for labels in gains)
    return (
        f"Labels: the strongest single one, {each.name}, reaches {told} labels of the set; on the very queries that it "
        f"was fitted on {np.mean(seen):.3f}."
    )


def _by_others(bench: Bench, test: Test, rows: list[Rows], gains: Mapping[str, list[Doubles]]) -> list[str]:
    """Say what a router reaches that knows how other models answered the same question, where any did."""
    answers = answers_of_others(bench.outcomes, bench.pair())
    known = answers.count >= LEAST_ANSWERED
    places = [np.flatnonzero(known[at]) for at in rows]
    if sum(map(len, places)) < LEAST_QUERIES:
        return []
    of_set = two_tier_queries(bench.outcomes, test.dataset) & known
    groups = np.array([query.group for query in bench.outcomes.queries])
    informed = Alternative("others' answers", dense_heads(answers.features, groups, bench.seed))
    fitted = [_fit(bench, informed, partition.training & of_set) for partition in test.partitions]
    at = [of[place] for of, place in zip(rows, places, strict=True)]
    beside = SHIPPED if SHIPPED in gains else ENSEMBLE
    found = {
        "informed": [_gain(one, of) for one, of in zip(fitted, at, strict=True)],
        beside: [gain[place] for gain, place in zip(gains[beside], places, strict=True)],
    }
    judged = _judged(bench, found, at, test)
    return [
        f"Noise of single answers: a router that knows how {round(float(answers.count[known].mean()))} other models "
        f"answered the same question, which none can before it is asked, reaches {judged['informed'].apgr} on the "
        f"{judged['informed'].queries:,} queries of which that is known; {beside} {judged[beside].apgr} there."
    ]


def _apgr(bench: Bench, fitted: Fitted, rows: Rows) -> float:
    weak, strong = bench.scores(rows, bench.pair()).T
    return apgr(_gain(fitted, rows), weak, strong)
