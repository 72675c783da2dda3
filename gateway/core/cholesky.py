"""Solve small symmetric systems. Here a dozen numbers are fitted, and `core` has no numpy."""

import math
from collections.abc import Sequence

Vector = list[float]
Matrix = list[list[float]]


class NotPositiveDefinite(ValueError):
    """The matrix has no Cholesky factor: some direction carries no information, or a number is not finite."""


def factor(matrix: Sequence[Sequence[float]]) -> Matrix:
    """Return the lower triangle L with L·Lᵀ = matrix. Raises NotPositiveDefinite."""
    size = len(matrix)
    lower = [[0.0] * size for _ in range(size)]
    for row in range(size):
        for column in range(row + 1):
            known = math.fsum(lower[row][k] * lower[column][k] for k in range(column))
            rest = matrix[row][column] - known
            if row != column:
                lower[row][column] = rest / lower[column][column]
            elif rest > 0.0 and math.isfinite(rest):
                lower[row][row] = math.sqrt(rest)
            else:
                raise NotPositiveDefinite(f"pivot {row} is {rest}")
    return lower


def solve(lower: Sequence[Sequence[float]], right: Sequence[float]) -> Vector:
    """Return x with L·Lᵀ·x = right."""
    size = len(lower)
    half: Vector = []
    for row in range(size):
        half.append((right[row] - math.fsum(lower[row][k] * half[k] for k in range(row))) / lower[row][row])
    found = [0.0] * size
    for row in reversed(range(size)):
        known = math.fsum(lower[k][row] * found[k] for k in range(row + 1, size))
        found[row] = (half[row] - known) / lower[row][row]
    return found


def inverse(matrix: Sequence[Sequence[float]]) -> Matrix:
    """Return the inverse of a symmetric positive definite matrix. Raises NotPositiveDefinite."""
    lower, size = factor(matrix), len(matrix)
    columns = [solve(lower, [float(row == column) for row in range(size)]) for column in range(size)]
    return [[(columns[i][j] + columns[j][i]) / 2.0 for j in range(size)] for i in range(size)]
