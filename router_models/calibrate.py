"""From a fitted router to abilities one may act on: with a standard error and a prior, and requests to set dials on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.domain.ability import Ability
from router_models.data import Floats, Mask, Outcomes
from router_models.router import Router, Rows, Stage
from router_models.scientific import Doubles, logistic

SAMPLE_SIZE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A router's references as abilities, and the queries that a policy's expectations are computed on.

    The router's priors are those of the abilities, as served.

    `stage` is the one whose positions stand for a request there: the dearest that every gateway has.
    """

    router: Router
    abilities: tuple[Ability, ...]
    sample: Rows
    stage: Stage = Stage.STATIC


def stratified_sample(datasets: Sequence[str], valid: Mask, size: int, seed: int) -> NDArray[np.intp]:
    """Draw about `size` validation queries, the same number of every data set as far as it has them."""
    names = np.array(datasets)
    pools = {name: np.flatnonzero(valid & (names == name)) for name in sorted(set(datasets))}
    sizes = sorted(len(pool) for pool in pools.values())
    share = next((n for n in range(1, max(sizes) + 1) if sum(min(n, each) for each in sizes) >= size), max(sizes))
    chance = np.random.default_rng(seed)
    drawn = [chance.permutation(pool)[:share] for pool in pools.values() if len(pool)]
    return np.sort(np.concatenate(drawn)).astype(np.intp)


def calibrate(router: Router, outcomes: Outcomes, between_tasks: float, seed: int) -> Calibrated:
    """Tell each reference's ability; the sample is drawn from queries that no head was fitted on.

    `between_tasks` is the variance of a model's offset on a kind of task that it was not seen on.
    """
    tune = np.zeros(len(outcomes.queries), bool)
    tune[router.tune] = True
    sample = stratified_sample([q.dataset for q in outcomes.queries], tune, SAMPLE_SIZE, seed)
    latent: Doubles = router.content(np.arange(len(outcomes.queries)), Stage.STATIC).astype(np.float64)
    tasks = np.array([query.task for query in outcomes.queries])
    abilities = tuple(
        _ability(column, latent, router, outcomes, tasks, between_tasks, sample)
        for column in range(len(outcomes.references))
    )
    priors: Floats = np.array([each.prior for each in abilities], np.float32)
    return Calibrated(replace(router, priors=priors), abilities, sample)


def _ability(
    column: int,
    latent: Doubles,
    router: Router,
    outcomes: Outcomes,
    tasks: NDArray[np.str_],
    between: float,
    sample: Rows,
) -> Ability:
    """Assemble one ability.

    Its standard error joins the intercept's own (from the Hessian of its logistic regression on the latent positions)
    with the variance between tasks over the T kinds of task it was seen on, times 1 - T / (all kinds): what is known
    from few kinds may stand anywhere within that spread on the others.
    """
    loadings: Doubles = router.space.loadings[column].astype(np.float64)
    intercept = float(router.space.intercepts[column])
    seen = outcomes.seen[:, column] & ~outcomes.where(split="test")
    basis = np.column_stack([np.ones(int(seen.sum())), latent[seen]])
    chance = logistic(basis[:, 1:] @ loadings + intercept)
    hessian = (basis * (chance * (1 - chance))[:, None]).T @ basis + np.eye(basis.shape[1])
    own = float(np.linalg.inv(hessian)[0, 0])
    seen_tasks = sorted({str(task) for task in tasks[seen]})
    unseen = 1 - len(seen_tasks) / len(set(tasks))
    prior = float(logistic(latent[sample] @ loadings + intercept).mean())
    return Ability(
        reference=outcomes.references[column],
        intercept=round(intercept, 5),
        loadings=tuple(round(float(each), 5) for each in loadings),
        standard_error=round(float(np.sqrt(own + unseen * between / max(len(seen_tasks), 1))), 4),
        prior=round(prior, 5),
        tasks=tuple(seen_tasks),
    )
