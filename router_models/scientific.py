"""The few calls into SciPy, which ships no types, in one place and with types."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import isotonic_regression, minimize  # type: ignore[attr-defined]  # exported at run time
from scipy.special import expit, gammaln

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]


def sparse_rows(values: Floats, columns: NDArray[np.intp], ends: NDArray[np.intp], width: int) -> sparse.csr_matrix:
    """Return a matrix from its rows, laid end to end."""
    shape = (len(ends) - 1, width)
    return sparse.csr_matrix((values, columns, ends), shape=shape)  # type: ignore[no-untyped-call]


def squared_lengths(rows: sparse.csr_matrix) -> Floats:
    """Return the squared length of each row."""
    squares: Floats = np.asarray(rows.power(2).sum(axis=1), np.float32).ravel()  # type: ignore[no-untyped-call]
    return squares


def scaled_rows(rows: sparse.csr_matrix, factors: Floats) -> sparse.csr_matrix:
    """Return the rows, each times its factor."""
    diagonal: Any = sparse.diags(factors)  # type: ignore[no-untyped-call]
    return sparse.csr_matrix(diagonal @ rows, dtype=np.float32)  # type: ignore[no-untyped-call]


def logistic(logits: NDArray[np.floating]) -> Doubles:
    """Return the logistic function of each number."""
    chance: Doubles = np.asarray(expit(logits), np.float64)
    return chance


def log_choose(items: int, chosen: Doubles) -> Doubles:
    """Return the logarithm of the number of ways to choose so many of the items; some of them may be all or none."""
    ways: Doubles = np.asarray(gammaln(items + 1.0) - gammaln(chosen + 1.0) - gammaln(items - chosen + 1.0), np.float64)
    return ways


def rising(values: Doubles) -> Doubles:
    """Return the values that never fall and come nearest to some in the order given (isotonic regression)."""
    found: Doubles = np.asarray(isotonic_regression(values).x, np.float64)
    return found


def least(
    loss: Callable[[Doubles], tuple[float, Doubles]],
    start: Doubles,
    *,
    iterations: int,
    after_each: Callable[[Doubles], None] | None = None,
) -> Doubles:
    """Minimise a smooth function, given with its slopes, by L-BFGS."""
    options = {"maxiter": iterations, "maxcor": 8}
    found: Any = minimize(  # type: ignore[no-untyped-call]
        loss, start, jac=True, method="L-BFGS-B", callback=after_each, options=options
    )
    solution: Doubles = found.x
    return solution
