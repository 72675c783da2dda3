"""What was said once is kept for the same texts and outcomes, and for no others."""

from pathlib import Path

import numpy as np

from router_models.tried.heads import Alternative, Fitted
from router_models.tried.kept import said
from router_models.workbench import Bench
from tests.support.routing_bench import a_bench

TRAINING, TESTED = np.arange(10), np.arange(10, 16)
SCORE = np.tile([0.0, 1.0], (10, 1))


class Means:
    """Says the mean outcome of every text, and counts how often it was fitted."""

    def __init__(self) -> None:
        self.fits = 0

    def fit(self, rows: np.ndarray[tuple[int], np.dtype[np.intp]], score: np.ndarray) -> Fitted:
        self.fits += 1
        return Fitted(lambda at: np.tile(score.mean(axis=0), (len(at), 1)), score.size)


def test_it_is_fitted_once_for_the_same_texts_and_outcomes(tmp_path: Path) -> None:
    told: list[str] = []
    bench, means = a_bench(tmp_path, told.append), Means()

    def ask(name: str = "means", training: object = TRAINING, score: object = SCORE, tested: object = TESTED) -> object:
        return _said(bench, Alternative(name, means.fit), training, score, tested)

    assert ask() == ask() == [0.0, 1.0]
    assert (means.fits, told) == (1, ["here: means"])
    assert ask(score=1 - SCORE) == [1.0, 0.0]
    ask(training=TRAINING + 1)
    ask(tested=TESTED + 1)
    ask("others")
    assert means.fits == 5


def _said(bench: Bench, each: Alternative, training: object, score: object, tested: object) -> list[float]:
    found = said(bench, each, "here", np.asarray(training), np.asarray(score), np.asarray(tested))
    assert found.chances.shape == (6, 2)
    assert found.cost.size_bytes == 40
    return [float(each) for each in found.chances[0]]
