"""R12: other ways to make corrections of labels that come as feedback, on the draws of `evaluate`."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from gateway.core.neighbours import LOCAL_DOUBT_LABELS
from router_models.adaptation import LABELS, LEVEL, SERVED, Draw, Rule, adapted_gain, draws_of, measured, pool_of
from router_models.bootstrap import interval
from router_models.data import Floats
from router_models.fits import Placed
from router_models.partitions import without_family
from router_models.references_table import AIMS
from router_models.router import POOLS_BY, STATIC_BY, Rows
from router_models.scientific import Doubles
from router_models.tried.attempt import Attempt, Cost, Missed
from router_models.tried.heads import dense_heads, ranks
from router_models.tried.workshop import Workshop
from router_models.two_tiers import judge
from router_models.workbench import Bench

HELD_FAST: Final = 1e9
MORE_LABELS: Final = (2_000, 4_000)
"""Further numbers of labels, to see when the goal comes."""
RULES: Final[Mapping[str, Rule]] = {
    "a level for all requests, nothing else": Rule(doubt=None, line_ridge=None),
    "a level and the nearest labels": LEVEL,
    "the line held by 32": Rule(line_ridge=lambda labels: 32.0),
    "the line held the less the more labels there are": Rule(line_ridge=lambda labels: 2 + 3_200 / labels),
    "the line without the nearest labels": Rule(doubt=None),
    "only labels from a cosine of 0.4 are near": Rule(cosine_from=0.4),
    "near labels believed four times as much": Rule(doubt=LOCAL_DOUBT_LABELS / 4),
    "the line along the vectors alone": Rule(said_ridge=HELD_FAST),
}
ANEW: Final = "a logistic head per tier, fitted on the labels alone ({})"
WITH_RANKS: Final = "mean of the ranks by what is shipped and by those heads"

Gain = Callable[[Draw], Doubles]


def r12(shop: Workshop) -> list[Missed]:
    """Try other rules, and heads that are fitted on the labels alone."""
    bench = shop.bench
    placed = bench.place(next(without_family(bench.outcomes)))
    most = len(pool_of(bench, placed)) // 2
    missed = shop.missed("R12")
    return [_missed(bench, placed, count, most) for count in LABELS if count and measured(count) in missed]


def _missed(bench: Bench, placed: Placed, count: int, most: int) -> Missed:
    best, draws = bench.stages[0], draws_of(bench, placed, count)
    shipped = _by_rule(bench, placed, SERVED)
    tries: dict[str, Gain] = {name: _by_rule(bench, placed, rule) for name, rule in RULES.items()}
    heads = _by_heads(bench, placed)
    tries |= heads
    *_, dearest = heads.values()
    tries[WITH_RANKS] = lambda draw: ranks(shipped(draw)) + ranks(dearest(draw))
    every = {best.value: shipped, **tries}
    found: dict[str, list[tuple[Rows, Doubles]]] = {}
    for name, gain in every.items():
        bench.note(f"R12, {count:,} labels: {name}")
        found[name] = [(placed.rows[draw.tested], gain(draw)) for draw in draws]
    judged = judge(bench, found)
    ours = judged[best.value]
    attempts = []
    for name in tries:
        one = judged[name]
        lead = interval(one.apgr.value - ours.apgr.value, one.samples - ours.samples)
        attempts.append(
            Attempt(name, str(one.apgr), f"{lead.value:+.3f} ({lead.low:+.3f} to {lead.high:+.3f})", Cost())
        )
    said = f"{best.value} {ours.apgr}"
    return Missed("R12", measured(count), AIMS["R12"].goal, said, attempts, [_curve(bench, placed, most)])


def _by_rule(bench: Bench, placed: Placed, rule: Rule) -> Gain:
    return lambda draw: adapted_gain(bench, placed, bench.stages[0], draw.labelled, draw.tested, rule)


def _by_heads(bench: Bench, placed: Placed) -> dict[str, Gain]:
    texts = bench.fits.texts
    dense = {"static vector": texts.static * np.float32(STATIC_BY)}
    if texts.has_encoder:
        dense["encoder's last three layers"] = texts.pools * np.float32(POOLS_BY)
    groups = np.array([query.group for query in bench.outcomes.queries])

    def gain_of(features: Floats) -> Gain:
        fit = dense_heads(features, groups, bench.seed)

        def gain(draw: Draw) -> Doubles:
            labelled = placed.rows[draw.labelled]
            fitted = fit(labelled, bench.scores(labelled, bench.pair()))
            return np.diff(fitted.chances(placed.rows[draw.tested])).ravel()

        return gain

    return {ANEW.format(name): gain_of(features) for name, features in dense.items()}


def _curve(bench: Bench, placed: Placed, most: int) -> str:
    """Say what is shipped reaches by the number of labels."""
    best, gain = bench.stages[0], _by_rule(bench, placed, SERVED)
    told = []
    for count in sorted({count for count in (*LABELS, *MORE_LABELS) if count <= most}):
        draws = draws_of(bench, placed, count)
        found = judge(bench, {best.value: [(placed.rows[draw.tested], gain(draw)) for draw in draws]})[best.value]
        told.append(f"{found.apgr.value:.3f} with {count:,}")
    return f"Labels: what is shipped reaches {', '.join(told)} labels, mean of the draws."
