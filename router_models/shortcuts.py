"""Which stage decides a query, and what it costs that the dearer stages were not asked.

The rule is the gateway's own (`gateway.core.undecided`), for many queries at once: a stage hands a query on while some
rival's value lies within so many standard deviations of what the best stage would still move it by.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.core.undecided import Z_UNDECIDED
from router_models.fits import Placed
from router_models.measures import STEPS
from router_models.router import Stage
from router_models.scientific import Doubles

Choices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Chain:
    """For each query the tier that is chosen, and the position among the stages of the one that chose it."""

    chosen: Choices
    decided_by: Choices


def chosen_by(placed: Placed, stage: Stage, columns: list[int], costs: Doubles, dial: float) -> Choices:
    """Return the tier of the largest p − λ·cost (of equals the first) by one stage; `costs` is queries x tiers."""
    found: Choices = np.argmax(placed.chance(stage, columns) - dial * costs, axis=1)
    return found


def is_open(
    placed: Placed, stage: Stage, columns: list[int], costs: Doubles, dial: float, width: float = Z_UNDECIDED
) -> NDArray[np.bool_]:
    """Tell which decisions the best stage could change."""
    spread = placed.spreads[stage]
    value = placed.chance(stage, columns) - dial * costs
    modelled = placed.modelled(stage, columns)
    slopes = placed.familiarity[:, None] * modelled * (1 - modelled)
    pull = slopes[:, :, None] * (placed.space.loadings[columns] * spread)[None]
    rows = np.arange(len(value))
    chosen = np.argmax(value, axis=1)
    lead = value[rows, chosen][:, None] - value
    deviation = np.sqrt(((pull[rows, chosen][:, None] - pull) ** 2).sum(axis=2))
    near = lead < width * deviation
    near[rows, chosen] = False
    found: NDArray[np.bool_] = near.any(axis=1) & bool(spread.any())
    return found


def chain(
    placed: Placed,
    stages: Sequence[Stage],
    columns: list[int],
    costs: Doubles,
    dial: float,
    width: float = Z_UNDECIDED,
) -> Chain:
    """Let each stage decide what it can, and the last what is left."""
    chosen = chosen_by(placed, stages[0], columns, costs, dial)
    decided_by = np.zeros(len(chosen), np.intp)
    left = np.ones(len(chosen), bool)
    for position, stage in enumerate(stages[1:], 1):
        left &= is_open(placed, stages[position - 1], columns, costs, dial, width)
        chosen = np.where(left, chosen_by(placed, stage, columns, costs, dial), chosen)
        decided_by[left] = position
    return Chain(chosen.astype(np.intp), decided_by)


def thresholds(gain: Doubles) -> Doubles:
    """Return the gains at which 0, 10 … 100 % of the queries go to the strong model."""
    inner = np.quantile(gain, np.linspace(1, 0, STEPS + 1))
    inner[0], inner[-1] = np.inf, -np.inf
    return inner


def apgr_of_choices(strong_calls: Sequence[NDArray[np.bool_]], gain: Doubles) -> float:
    """Return the APGR of sets of strong calls of growing size: PGR by trapezoid over the shares that came of them."""
    share = np.array([calls.mean() for calls in strong_calls])
    recovered = np.array([gain[calls].sum() for calls in strong_calls]) / gain.sum()
    return float(np.trapezoid(recovered, share))
