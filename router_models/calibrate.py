"""From a fitted model to abilities one may act on: calibrated, centred, with a standard error and a prior."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.domain.ability import Ability
from router_models.data import Floats, Mask, Outcomes
from router_models.design import Design
from router_models.low_rank import LowRank
from router_models.scientific import Doubles, least, logistic

SAMPLE_SIZE: Final = 2_000
PLATT_PULL: Final = 5.0
"""Holds a Platt map to the identity as some twenty outcomes would (a quarter of curvature each)."""
PLATT_STEPS: Final = 100
NEWTON_STEPS: Final = 25


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A model whose latent axes are centred and scaled on the calibration sample, and its references' abilities.

    `centre` and `spread` are those of the fitted axes: z = (latent - centre) / spread.
    """

    model: LowRank
    centre: Floats
    spread: Floats
    abilities: tuple[Ability, ...]
    sample: NDArray[np.intp]

    def latent(self, design: Design) -> Floats:
        """Return the latent positions of texts as they are served."""
        return ((self.model.latent(design) - self.centre) / self.spread).astype(np.float32)

    def probabilities(self, design: Design) -> Doubles:
        """Return texts x references P(acceptable), before the shrinkage by familiarity."""
        loadings = np.array([ability.loadings for ability in self.abilities])
        return logistic(self.latent(design) @ loadings.T + [each.intercept for each in self.abilities])

    def shrunk(self, design: Design) -> Doubles:
        """Return texts x references P(acceptable) as the gateway uses it."""
        share = design.familiarity[:, None].astype(np.float64)
        priors: Doubles = np.array([each.prior for each in self.abilities])
        mixed: Doubles = share * self.probabilities(design) + (1 - share) * priors
        return mixed


def stratified_sample(datasets: Sequence[str], valid: Mask, size: int, seed: int) -> NDArray[np.intp]:
    """Draw about `size` validation queries, the same number of every data set as far as it has them."""
    names = np.array(datasets)
    pools = {name: np.flatnonzero(valid & (names == name)) for name in sorted(set(datasets))}
    sizes = sorted(len(pool) for pool in pools.values())
    share = next((n for n in range(1, max(sizes) + 1) if sum(min(n, each) for each in sizes) >= size), max(sizes))
    chance = np.random.default_rng(seed)
    drawn = [chance.permutation(pool)[:share] for pool in pools.values() if len(pool)]
    return np.sort(np.concatenate(drawn)).astype(np.intp)


def calibrate(model: LowRank, design: Design, outcomes: Outcomes, between_tasks: float, seed: int) -> Calibrated:
    """Calibrate on the validation split; `design` holds all queries of `outcomes`.

    `between_tasks` is the variance of a model's offset on a kind of task that it was not seen on.
    """
    valid = outcomes.where(split="valid")
    sample = stratified_sample([q.dataset for q in outcomes.queries], valid, SAMPLE_SIZE, seed)
    raw = model.latent(design)
    centre, spread = raw[sample].mean(axis=0), raw[sample].std(axis=0) + np.float32(1e-6)
    latent: Doubles = ((raw - centre) / spread).astype(np.float64)
    loadings: Doubles = (model.loadings * spread).astype(np.float64)
    intercepts: Doubles = (model.intercepts + model.loadings @ centre).astype(np.float64)
    for column in range(len(outcomes.references)):
        rows = valid & outcomes.seen[:, column]
        logits = latent[rows] @ loadings[column] + intercepts[column]
        slope, shift = platt(logits, outcomes.score[rows, column].astype(np.float64))
        loadings[column] *= slope
        intercepts[column] = slope * intercepts[column] + shift
    tasks = np.array([query.task for query in outcomes.queries])
    abilities = tuple(
        _ability(column, latent, loadings[column], intercepts[column], outcomes, tasks, between_tasks, sample)
        for column in range(len(outcomes.references))
    )
    return Calibrated(model, centre, spread, abilities, sample)


def platt(logits: Doubles, score: Doubles) -> tuple[float, float]:
    """Return slope and shift of the logits that fit the scores best, pulled towards (1, 0) (Platt 1999)."""
    identity: Doubles = np.array([1.0, 0.0])
    basis: Doubles = np.column_stack([logits, np.ones_like(logits)])

    def loss(at: Doubles) -> tuple[float, Doubles]:
        mapped = basis @ at
        away = at - identity
        value = float((np.logaddexp(0, mapped) - score * mapped).sum() + 0.5 * PLATT_PULL * (away @ away))
        return value, basis.T @ (logistic(mapped) - score) + PLATT_PULL * away

    at = least(loss, identity, iterations=PLATT_STEPS)
    # A falling map would turn the model upside down; that can only be noise.
    return max(float(at[0]), 0.05), float(at[1])


def offset(logits: Doubles, score: Doubles) -> tuple[float, float]:
    """Return what must be added to the logits to meet the mean score, and its precision (1 / variance)."""
    shift, precision = 0.0, 0.0
    for _ in range(NEWTON_STEPS):
        chance = logistic(logits + shift)
        precision = float((chance * (1 - chance)).sum()) + 1e-6
        # Half a step at most per turn: far from the root the curvature is too small to be trusted.
        shift += float(np.clip((score - chance).sum() / precision, -0.5, 0.5))
    return shift, precision


def _ability(
    column: int,
    latent: Doubles,
    loadings: Doubles,
    intercept: float,
    outcomes: Outcomes,
    tasks: NDArray[np.str_],
    between: float,
    sample: NDArray[np.intp],
) -> Ability:
    """Assemble one ability.

    Its standard error joins the intercept's own (from the Hessian of its logistic regression on the latent positions)
    with the variance between tasks over the T kinds of task it was seen on, times 1 - T / (all kinds): what is known
    from few kinds may stand anywhere within that spread on the others.
    """
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
        intercept=round(float(intercept), 5),
        loadings=tuple(round(float(each), 5) for each in loadings),
        standard_error=round(float(np.sqrt(own + unseen * between / max(len(seen_tasks), 1))), 4),
        prior=round(prior, 5),
        tasks=tuple(seen_tasks),
    )
