"""The encoder's graph says what the definition says, in every precision."""

import numpy as np
import pytest

from gateway.core.wordpiece import WordPieces
from router_models.data import DataError
from router_models.encoder_build import FULL, HALF, SMALL, TRIALS, precisions
from router_models.encoder_graph import POOLED, Heads, encoder_graph, pools_graph
from router_models.encoder_run import EncoderRun, padded, rows_of
from router_models.encoder_weights import EncoderWeights, Floats, read_weights
from tests.support.numpy_encoder import pools, small_weights

ROWS = ([2, 9, 14, 3], [2, 30, 8, 8, 41, 17, 5, 3], [2, 3])
LATENT, VECTOR = 3, 5


def heads_for(weights: EncoderWeights) -> Heads:
    chance, width = np.random.default_rng(3), POOLED * weights.width
    draws = [
        chance.normal(size=shape).astype(np.float32) for shape in ((width, LATENT), LATENT, (width, VECTOR), VECTOR)
    ]
    return Heads(*draws)


def unit(rows: Floats) -> Floats:
    scaled: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


@pytest.fixture(scope="module")
def weights() -> EncoderWeights:
    return small_weights()


def test_pools_are_the_means_of_the_last_three_layers_at_length_one(weights: EncoderWeights) -> None:
    model = EncoderRun(pools_graph(weights).SerializeToString(), threads=1)
    (found,) = model.run(padded(ROWS, 0))
    np.testing.assert_allclose(found, [pools(weights, row) for row in ROWS], atol=1e-5)


def test_outputs_are_what_the_heads_make_of_the_pools(weights: EncoderWeights) -> None:
    heads = heads_for(weights)
    model = EncoderRun(encoder_graph(weights, heads).SerializeToString(), threads=1)
    latent, vector, embedding = model.run(padded(ROWS, 0), ("latent", "vector", "embedding"))
    expected = np.array([pools(weights, row) for row in ROWS])
    np.testing.assert_allclose(latent, expected @ heads.latent_weight + heads.latent_bias, atol=1e-4)
    np.testing.assert_allclose(vector, unit(expected @ heads.vector_weight + heads.vector_bias), atol=1e-5)
    np.testing.assert_allclose(embedding, expected[:, -weights.width :], atol=1e-5)
    assert {each.dtype for each in (latent, vector, embedding)} == {np.dtype(np.float32)}


def test_a_text_says_the_same_alone_and_beside_longer_ones_in_every_precision(weights: EncoderWeights) -> None:
    for name, raw in precisions(weights, heads_for(weights)).items():
        model = EncoderRun(raw, threads=1)
        together = model.run(padded(ROWS, 0), ("embedding",))[0]
        for row, found in zip(ROWS, together, strict=True):
            alone = model.run(padded([row], 0), ("embedding",))[0][0]
            # Integers are scaled by the largest number in the batch, so company moves them a little.
            assert float(alone @ found) > (0.99 if name == SMALL else 0.9999)


def test_heads_of_another_width_are_refused(weights: EncoderWeights) -> None:
    heads = heads_for(weights)
    with pytest.raises(ValueError, match=r"latent_weight is \(96, 3\), expected \(48, 3\)"):
        heads.check(48)


def test_the_published_weights_say_what_the_definition_says() -> None:
    try:
        weights = read_weights()
    except DataError as absent:
        pytest.skip(str(absent))
    heads = heads_for(weights)
    pieces = WordPieces(weights.vocabulary)
    rows = rows_of(pieces, TRIALS)
    expected = np.array([pools(weights, row) for row in rows])
    vectors = unit(expected @ heads.vector_weight + heads.vector_bias)
    for name, raw in precisions(weights, heads).items():
        assert len(raw) <= {FULL: 92e6, HALF: 46e6, SMALL: 25e6}[name]
        model = EncoderRun(raw, threads=1)
        found = [model.run(padded([row], pieces.padding), ("vector", "embedding")) for row in rows]
        cosines = [
            min(float(vector[0] @ vectors[at]), float(embedding[0] @ expected[at, -weights.width :]))
            for at, (vector, embedding) in enumerate(found)
        ]
        assert min(cosines) >= {FULL: 0.9999, HALF: 0.9999, SMALL: 0.99}[name], (name, cosines)
