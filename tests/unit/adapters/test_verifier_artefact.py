"""A verifier is read only when it is of this gateway's versions, and every number leads somewhere."""

from typing import Any

import numpy as np
import pytest

from gateway.adapters.verifier_artefact import read_verifier
from gateway.core.pair_features import PAIR_FEATURES_VERSION
from gateway.core.question import QUESTION_VERSION
from router_models.export import npz

PIECES, WIDTH = 3, 2
Arrays = dict[str, Any]


def a_verifier() -> Arrays:
    """Return one tree that asks once: is the first feature at most a half?"""
    return {
        "versions": np.array([1, QUESTION_VERSION, PAIR_FEATURES_VERSION]),
        "static": np.frombuffer(b"abc", np.uint8),
        "piece_weights": np.ones(PIECES, np.float32),
        "projection": np.ones((WIDTH, 4), np.float32),
        "roots": np.array([0]),
        "feature": np.array([0, 0, 0]),
        "threshold": np.array([0.5, 0.0, 0.0]),
        "left": np.array([1, 1, 2]),
        "right": np.array([2, 1, 2]),
        "value": np.array([0.0, -3.0, 3.0]),
        "base": np.array(1.0),
        "depth": np.array(2),
        "slope": np.array(2.0),
        "offset": np.array(-1.0),
        "edges": np.array([0.0, 0.9]),
        "counts_right": np.array([1, 2]),
        "counts_wrong": np.array([3, 4]),
    }


def test_what_was_written_is_read() -> None:
    model = read_verifier(npz(a_verifier()), PIECES, WIDTH)
    assert model.static == "abc"
    assert (model.slope, model.offset) == (2.0, -1.0)
    assert model.calibration.edges == (0.0, 0.9)
    assert (model.calibration.right, model.calibration.wrong) == ((1, 2), (3, 4))
    assert model.projection.shape == (WIDTH, 4)


def test_a_verifier_says_whose_cosines_it_reads() -> None:
    assert read_verifier(npz(a_verifier()), PIECES, WIDTH).encoder == ""
    arrays = a_verifier() | {"encoder": np.frombuffer(b"weights", np.uint8)}
    assert read_verifier(npz(arrays), PIECES, WIDTH).encoder == "weights"


def test_trees_add_the_value_of_the_leaf_that_features_lead_to() -> None:
    trees = read_verifier(npz(a_verifier()), PIECES, WIDTH).trees
    assert trees.sums(np.array([[0.5], [0.51]])).tolist() == [-2.0, 4.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"versions": np.array([1, QUESTION_VERSION, PAIR_FEATURES_VERSION + 1])}, "versions"),
        ({"piece_weights": np.ones(PIECES + 1)}, "piece weights"),
        ({"projection": np.ones((WIDTH + 1, 4))}, "projection"),
        ({"projection": np.ones(WIDTH)}, "projection"),
        ({"value": np.ones(2)}, "nodes"),
        ({"feature": np.array([0, 0, 500])}, "features"),
        ({"feature": np.array([0, 0, -1])}, "features"),
        ({"left": np.array([1, 1, 3])}, "ways"),
        ({"right": np.array([2, 1, -1])}, "ways"),
        ({"roots": np.array([], np.int32)}, "ways"),
        ({"counts_wrong": np.array([3])}, "counts"),
        ({"edges": np.array([0.1, 0.9])}, "counts"),
    ],
)
def test_what_does_not_fit_is_refused(change: Arrays, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_verifier(npz({**a_verifier(), **change}), PIECES, WIDTH)


def test_what_lacks_a_part_is_refused() -> None:
    arrays = a_verifier()
    del arrays["roots"]
    with pytest.raises(KeyError):
        read_verifier(npz(arrays), PIECES, WIDTH)
