"""R8 and R9: other maps from the model's chances to honest ones, and other ways to set the guarantee."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from router_models.benchmarks import STRONG, WEAK, two_tier_queries
from router_models.bootstrap import Interval
from router_models.chances import ALPHA, DELTA, JUDGED_SETS, error_of
from router_models.data import Mask
from router_models.guarantee import Bound, Guarantee, guarantee, violations
from router_models.partitions import folds
from router_models.platt import platt
from router_models.references_table import AIMS
from router_models.report import percent
from router_models.router import Rows
from router_models.scientific import Doubles, logistic, rising
from router_models.tried.attempt import Attempt, Missed
from router_models.tried.two_tiers import pair_chances
from router_models.tried.workshop import Workshop
from router_models.workbench import Bench, everywhere

CHANCE_MIN: Final = 1e-4
ISOTONIC_DOUBT: Final = 500.0
"""Outcomes of a kind of task at which its own map counts as much as the model's over all kinds."""
DELTAS: Final = (0.05, 0.025, 0.01)

Map = Callable[[Doubles], Doubles]
Learn = Callable[[Doubles, Doubles, Mask], Map]
"""Learns a map from chances and outcomes; the mask tells which of them are of the tested kind of task."""


def r8(shop: Workshop) -> list[Missed]:
    """Try maps that are learned on the other folds' chances, which ten times as many outcomes stand behind."""
    lines = shop.missed("R8")
    wanted = {dataset: f"{dataset}, 5 folds, the worse of two models" for dataset in JUDGED_SETS}
    return [_r8(shop, dataset, measured) for dataset, measured in wanted.items() if measured in lines]


def r9(shop: Workshop) -> list[Missed]:
    """Try smaller doubts, and another order, under the bound on the rate."""
    bench = shop.bench
    rows = np.flatnonzero(two_tier_queries(bench.outcomes, "mmlu"))
    below, above = bench.scores(rows, bench.pair()).T
    violated, best = violations(below, above), bench.stages[0]
    chance = everywhere(bench.folds(), best, bench.pair(), len(bench.outcomes.queries))[rows]
    need = chance[:, 1] * (1 - chance[:, 0])

    def found(by: Doubles, delta: float, bound: Bound = Bound.RATE) -> Guarantee:
        return guarantee(by, violated, ALPHA, delta=delta, bound=bound, seed=bench.seed)

    shipped = found(need, DELTA)
    tried = {f"doubt δ = {delta:g} in the bound": found(need, delta) for delta in DELTAS}
    tried["queries ordered by the gain"] = found(chance[:, 1] - chance[:, 0], DELTA)
    tried["the bound on the rate that the other half shows"] = found(need, DELTA, Bound.SEEN)
    attempts = [
        Attempt(name, _told(each), f"{100 * (each.exceeded - shipped.exceeded):+.1f} points")
        for name, each in tried.items()
    ]
    sent = max(shipped.share * len(rows) / 2, 1.0)
    bound = (
        f"The bound holds for the rate in the long run. The goal counts the rate that another half shows, and among "
        f"{sent:,.0f} queries that one scatters by ± {100 * (ALPHA * (1 - ALPHA) / sent) ** 0.5:.2f} points around it: "
        f"a threshold that stands right at α is exceeded by every second half. The bound on what the other half shows "
        f"takes that in, and is what reaches the goal."
    )
    measured = f"MMLU, 200 halves, bound on the {Bound.RATE.value}"
    return [Missed("R9", measured, AIMS["R9"].goal, f"{best.value} {_told(shipped)}", attempts, (bound,))]


def _told(found: Guarantee) -> str:
    return f"{percent(found.exceeded)} % of runs above α at a share of {percent(found.share)} %"


def _r8(shop: Workshop, dataset: str, measured: str) -> Missed:
    bench = shop.bench
    tested, best = two_tier_queries(bench.outcomes, dataset), bench.stages[0]
    chance = everywhere(bench.folds(), best, bench.pair(), len(bench.outcomes.queries))
    rows = np.flatnonzero(tested & ~np.isnan(chance).any(axis=1))
    shipped = _errors(bench, chance[rows], rows)
    learners = {
        "Platt's map per model, on all other folds": _platt,
        "Platt's map per model and kind of task": _platt_of_kind,
        "isotonic map per model": _isotonic,
        "isotonic map per model and kind of task, drawn to the model's": _isotonic_of_kind,
    }
    every = {name: _mapped(bench, chance, tested, learn)[rows] for name, learn in learners.items()}
    every |= _apart(shop, dataset, rows)
    attempts = []
    for name, said in every.items():
        found = _worst(_errors(bench, said, rows))
        attempts.append(Attempt(name, str(found), f"{found.value - _worst(shipped).value:+.3f}"))
    weak, strong = shipped
    few = round(float(0.1 * 0.8 * len(rows)))
    bound = (
        f"{WEAK} {weak.value:.3f}, {STRONG} {strong.value:.3f}: a fold's maps rest on a tenth of its groups, some "
        f"{few:,} of these queries, whose bins' means alone scatter by {(0.2 / (few / 15)) ** 0.5:.3f}; more of them "
        f"for the maps are fewer for the fit."
    )
    return Missed("R8", measured, AIMS["R8"].goal, f"{best.value} {_worst(shipped)}", attempts, (bound,))


def _errors(bench: Bench, said: Doubles, rows: Rows) -> list[Interval]:
    came = bench.scores(rows, bench.pair())
    groups = bench.groups()[rows]
    return [error_of(bench, said[:, at], came[:, at], groups) for at in range(came.shape[1])]


def _worst(found: Sequence[Interval]) -> Interval:
    return max(found, key=lambda each: each.value)


def _mapped(bench: Bench, chance: Doubles, tested: Mask, learn: Learn) -> Doubles:
    found = chance.copy()
    columns = bench.pair()
    every = np.arange(len(chance))
    for partition in folds(bench.outcomes, bench.seed):
        here = np.flatnonzero(partition.tested & tested)
        for at, column in enumerate(columns):
            known = np.flatnonzero(partition.training & bench.outcomes.seen[:, column] & ~np.isnan(chance[:, at]))
            came = bench.scores(every, [column])[known, 0]
            found[here, at] = learn(chance[known, at], came, tested[known])(chance[here, at])
    return found


def _apart(shop: Workshop, dataset: str, rows: Rows) -> dict[str, Doubles]:
    """Return the chances of the routers that share nothing, as they come."""
    found = {}
    bench = shop.bench
    for each in shop.alternatives:
        every = np.full((len(bench.outcomes.queries), 2), np.nan)
        for partition in folds(bench.outcomes, bench.seed):
            every[rows[partition.tested[rows]]] = pair_chances(bench, each, partition, dataset).chances
        found[each.name] = every[rows]
    return found


def _platt(said: Doubles, came: Doubles, of_kind: Mask) -> Map:
    slope, shift = platt(_logit(said), came)
    return lambda chance: logistic(slope * _logit(chance) + shift)


def _platt_of_kind(said: Doubles, came: Doubles, of_kind: Mask) -> Map:
    return _platt(said[of_kind], came[of_kind], of_kind[of_kind])


def _isotonic(said: Doubles, came: Doubles, of_kind: Mask) -> Map:
    order = np.argsort(said, kind="stable")
    at, risen = said[order], rising(came[order])
    return lambda chance: np.interp(chance, at, risen)


def _isotonic_of_kind(said: Doubles, came: Doubles, of_kind: Mask) -> Map:
    whole, own = _isotonic(said, came, of_kind), _isotonic(said[of_kind], came[of_kind], of_kind[of_kind])
    share = of_kind.sum() / (of_kind.sum() + ISOTONIC_DOUBT)
    return lambda chance: share * own(chance) + (1 - share) * whole(chance)


def _logit(chance: NDArray[np.float64]) -> Doubles:
    held = np.clip(chance, CHANCE_MIN, 1 - CHANCE_MIN)
    found: Doubles = np.log(held / (1 - held))
    return found
