"""R6 and R7: ladders of three tiers, by routers that are fitted on the ladder's own outcomes alone."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from router_models.benchmarks import LADDERS
from router_models.data import CHARS_PER_TOKEN, Floats, Mask
from router_models.ladders import Ladder, frontier, gap_closed, zero_router
from router_models.partitions import folds
from router_models.references_table import AIMS
from router_models.router import POOLS_BY, Rows, with_one
from router_models.scientific import Doubles, logistic
from router_models.three_tiers import LEAST_TESTED, Held, closed_by, held, predictions, saved
from router_models.tried.answers import answers_of_others
from router_models.tried.attempt import Attempt, Cost, Missed, joined
from router_models.tried.heads import Alternative, dense_heads
from router_models.tried.kept import Said, said
from router_models.tried.workshop import Workshop
from router_models.workbench import Bench

KIND: Final = "the kind of task alone, each tier's mean of it"
TOGETHER: Final = "mean of the logits of all of these and of what is shipped"
WITH_LENGTHS: Final = "what is shipped, with the length of each answer foretold from the three layers"
KIND_DOUBT: Final = 10.0
LENGTH_RIDGE: Final = 0.03
"""A share of the queries, beside a mean square of 1 for each number."""
CHANCE_MIN: Final = 1e-3
DRAWS: Final = 5


def r6_and_r7(shop: Workshop) -> list[Missed]:
    """Try every ladder, out of fold; of R6 λ is chosen on valid and read off on test."""
    bench = shop.bench
    found: list[Missed] = []
    for of in LADDERS:
        ladder = held(bench, of)
        if (ladder.split == "test").sum() < LEAST_TESTED:
            continue
        best = bench.stages[0]
        shipped = predictions(bench, ladder)[best]
        tried, costs = _chances(shop, ladder, shipped)
        lengths = replace(ladder, expected_cost=_foretold(bench, ladder))
        every: dict[str, tuple[Held, Doubles]] = {name: (ladder, chance) for name, chance in tried.items()}
        every[WITH_LENGTHS] = (lengths, shipped)
        bench.note(f"R6 and R7: {of.name}")
        found += [_r6(bench, ladder, shipped, every, costs), _r7(bench, ladder, shipped, every, costs)]
    return found


def _r6(
    bench: Bench,
    ladder: Held,
    shipped: Doubles,
    every: Mapping[str, tuple[Held, Doubles]],
    costs: Mapping[str, Cost],
) -> Missed:
    best, ours = bench.stages[0], saved(bench, ladder, shipped)
    attempts = []
    for name, (on, chance) in every.items():
        theirs = saved(bench, on, chance)
        lead = f"{100 * (theirs.below.value - ours.below.value):+.1f} points"
        attempts.append(Attempt(name, str(theirs), lead, costs.get(name, Cost())))
    test = int((ladder.split == "test").sum())
    width = 100 * (ours.below.high - ours.below.low) / 2
    bounds = (
        f"Few queries: λ is chosen on {int((ladder.split == 'valid').sum()):,} queries and read off on {test:,}, which "
        f"alone leaves ± {width:.0f} points.",
        _informed(bench, ladder, lambda chance: f"is {saved(bench, ladder, chance)}"),
    )
    measured = f"{ladder.of.name}, {test:,} test queries"
    return Missed("R6", measured, AIMS["R6"].goal, f"{best.value} {ours}", attempts, bounds)


def _r7(
    bench: Bench,
    ladder: Held,
    shipped: Doubles,
    every: Mapping[str, tuple[Held, Doubles]],
    costs: Mapping[str, Cost],
) -> Missed:
    best, ours = bench.stages[0], closed_by(bench, ladder, shipped)
    attempts = []
    for name, (on, chance) in every.items():
        theirs = closed_by(bench, on, chance)
        attempts.append(Attempt(name, str(theirs), f"{theirs.value - ours.value:+.3f}", costs.get(name, Cost())))
    bounds = (
        f"The oracle knows how each single answer came out, and its cost. Were the shipped chances true to the last "
        f"digit, a router that knows them would close {_were_it_true(bench, ladder, shipped):.3f} of its gap on the "
        f"mean: the rest is the toss of a coin for each answer.",
        _informed(bench, ladder, lambda chance: f"closes {closed_by(bench, ladder, chance)}"),
    )
    measured = f"{ladder.of.name}, 5 folds, {len(ladder.rows):,} queries"
    return Missed("R7", measured, AIMS["R7"].goal, f"{best.value} {ours}", attempts, bounds)


def _chances(shop: Workshop, ladder: Held, shipped: Doubles) -> tuple[dict[str, Doubles], dict[str, Cost]]:
    found: dict[str, Doubles] = {}
    costs: dict[str, Cost] = {}
    for each in shop.alternatives:
        one = _out_of_fold(shop.bench, ladder, each)
        found[each.name], costs[each.name] = one.chances, one.cost
    together = np.mean([_logit(chance) for chance in (*found.values(), shipped)], axis=0)
    costs[TOGETHER] = joined(list(costs.values()))
    found[TOGETHER] = logistic(together)
    found[KIND] = _by_kind(shop.bench, ladder)
    return found, costs


def _out_of_fold(bench: Bench, ladder: Held, each: Alternative) -> Said:
    """Return every query's chances by a router that has not seen it, and what such a one takes."""
    chance = np.full(ladder.quality.shape, np.nan)
    cost = Cost()
    for partition in folds(bench.outcomes, bench.seed):
        training, tested = partition.training[ladder.rows], partition.tested[ladder.rows]
        where = f"{ladder.of.name}, {partition.name}"
        found = said(bench, each, where, ladder.rows[training], ladder.quality[training], ladder.rows[tested])
        chance[tested], cost = found.chances, found.cost
    return Said(chance, cost)


def _by_kind(bench: Bench, ladder: Held) -> Doubles:
    queries = [bench.outcomes.queries[row] for row in ladder.rows]
    codes = np.unique([f"{query.dataset}/{query.category}" for query in queries], return_inverse=True)[1]
    chance = np.zeros(ladder.quality.shape)
    for partition in folds(bench.outcomes, bench.seed):
        training, tested = partition.training[ladder.rows], partition.tested[ladder.rows]
        chance[tested] = _means(codes[training], ladder.quality[training], int(codes.max()) + 1)[codes[tested]]
    return chance


def _means(codes: Rows, quality: Doubles, kinds: int) -> Doubles:
    total, count = np.zeros((kinds, quality.shape[1])), np.bincount(codes, minlength=kinds)[:, None]
    np.add.at(total, codes, quality)
    found: Doubles = (total + KIND_DOUBT * quality.mean(axis=0)) / (count + KIND_DOUBT)
    return found


def _foretold(bench: Bench, ladder: Held) -> Doubles:
    """Return each query's expected cost with its answer's length foretold: a ridge of its logarithm, out of fold."""
    texts = bench.fits.texts
    dense = with_one((texts.pools * np.float32(POOLS_BY)) if texts.has_encoder else texts.static)[ladder.rows]
    price = np.array([bench.prices[name] for name in ladder.of.tiers])
    tokens = bench.outcomes.output_tokens[ladder.rows][:, ladder.columns].astype(np.float64)
    expected = np.zeros(tokens.shape)
    for partition in folds(bench.outcomes, bench.seed):
        training, tested = partition.training[ladder.rows], partition.tested[ladder.rows]
        expected[tested] = _lengths(dense, tokens, training, tested)
    fixed = bench.lengths()[ladder.rows, None] / CHARS_PER_TOKEN * price[:, 0]
    found: Doubles = fixed + expected * price[:, 1]
    return found


def _lengths(dense: Floats, tokens: Doubles, training: Mask, tested: Mask) -> Doubles:
    own, logs = dense[training].astype(np.float64), np.log(tokens[training] + 1)
    held = LENGTH_RIDGE * len(own) / dense.shape[1] * np.eye(dense.shape[1])
    weights = np.linalg.solve(own.T @ own + held, own.T @ (logs - logs.mean(axis=0)))
    said = np.exp(dense[tested] @ weights + logs.mean(axis=0))
    # The mean of a length lies above the exponential of its logarithm's mean.
    found: Doubles = said * (tokens[training].mean(axis=0) / np.exp(own @ weights + logs.mean(axis=0)).mean(axis=0))
    return found


def _informed(bench: Bench, ladder: Held, tell: Callable[[Doubles], str]) -> str:
    """Say what a router reaches that knows how all other models answered the same query."""
    answers = answers_of_others(bench.outcomes, ladder.columns)
    groups = np.array([query.group for query in bench.outcomes.queries])
    informed = Alternative("others' answers", dense_heads(answers.features, groups, bench.seed))
    chance = _out_of_fold(bench, ladder, informed).chances
    count = round(float(answers.count[ladder.rows].mean()))
    return (
        f"A router that knows how {count} other models answered the same query, which none can before, {tell(chance)}."
    )


def _were_it_true(bench: Bench, ladder: Held, chance: Doubles) -> float:
    """Return the gap closed when outcomes are drawn with the very chances, mean over a few draws."""
    draws = np.random.default_rng(bench.seed)
    closed = []
    for _ in range(DRAWS):
        quality = (draws.random(chance.shape) < chance).astype(np.float64)
        drawn = Ladder(chance, ladder.expected_cost, quality, ladder.cost)
        closed.append(gap_closed(frontier(drawn), zero_router(drawn), frontier(drawn.oracle())))
    return float(np.mean(closed))


def _logit(chance: Doubles) -> Doubles:
    held_in = np.clip(chance, CHANCE_MIN, 1 - CHANCE_MIN)
    found: Doubles = np.log(held_in / (1 - held_in))
    return found
