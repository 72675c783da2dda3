"""Small symmetric systems are solved, and those without a solution are refused."""

import math
from random import Random

import pytest

from gateway.core.cholesky import NotPositiveDefinite, factor, inverse, solve


def drawn(size: int, seed: int) -> list[list[float]]:
    chance = Random(seed)
    rows = [[chance.gauss(0, 1) for _ in range(size)] for _ in range(size)]
    return [
        [math.fsum(rows[k][i] * rows[k][j] for k in range(size)) + (i == j) for j in range(size)] for i in range(size)
    ]


def test_a_matrix_times_its_inverse_is_one() -> None:
    for size in (1, 2, 9, 17):
        matrix = drawn(size, size)
        inverted = inverse(matrix)
        for i in range(size):
            for j in range(size):
                found = math.fsum(matrix[i][k] * inverted[k][j] for k in range(size))
                assert found == pytest.approx(float(i == j), abs=1e-9)


def test_a_system_is_solved() -> None:
    assert solve(factor([[4.0, 2.0], [2.0, 3.0]]), [8.0, 7.0]) == pytest.approx([1.25, 1.5])


@pytest.mark.parametrize("matrix", [[[0.0]], [[-1.0]], [[1.0, 2.0], [2.0, 1.0]], [[math.nan]], [[math.inf]]])
def test_what_carries_no_information_is_refused(matrix: list[list[float]]) -> None:
    with pytest.raises(NotPositiveDefinite):
        factor(matrix)
