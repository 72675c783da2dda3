"""Maps of one or two numbers from logits to outcomes."""

from typing import Final

import numpy as np

from router_models.data import Floats, Mask
from router_models.scientific import Doubles, least, logistic

PLATT_PULL: Final = 5.0
"""Holds a Platt map to the identity as some twenty outcomes would (a quarter of curvature each)."""
PLATT_STEPS: Final = 100
NEWTON_STEPS: Final = 25
STRETCH_STEPS: Final = 50


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


def stretch(logits: Doubles, fixed: Doubles | Floats, score: Doubles, seen: Mask) -> float:
    """Return the factor of the logits, texts x models, that with others added to them fits what was seen best."""

    def loss(at: Doubles) -> tuple[float, Doubles]:
        mapped = at[0] * logits + fixed
        value = float(((np.logaddexp(0, mapped) - score * mapped) * seen).sum())
        return value, np.array([float(((logistic(mapped) - score) * seen * logits).sum())])

    return float(least(loss, np.ones(1), iterations=STRETCH_STEPS)[0])
