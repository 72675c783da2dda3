"""The static stage's files: what is wrong in them is told by name."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gateway.adapters.artefact import load_artefact, shipped_artefact
from gateway.adapters.static_artefact import STATIC, VOCABULARY, read_static
from gateway.core.known_texts import ENCODER_NUMBERS

FOLDER = shipped_artefact()
ARTEFACT = load_artefact(FOLDER)
LATENT = ARTEFACT.manifest.latent
WORDS = len(ARTEFACT.table.rows)
PIECES = (FOLDER / VOCABULARY).read_bytes()
Arrays = dict[str, Any]


def arrays() -> Arrays:
    with np.load(io.BytesIO((FOLDER / STATIC).read_bytes()), allow_pickle=False) as kept:
        return {name: kept[name] for name in kept.files}


def written(kept: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **kept)
    return buffer.getvalue()


def test_the_packaged_one_is_read_whole() -> None:
    model = read_static(written(arrays()), PIECES, WORDS, LATENT)
    assert model.words.rows.shape == (WORDS, LATENT)
    assert model.beside_encoder is not None
    assert model.encoder_surroundings is not None
    for around, width in ((model.surroundings, model.table.shape[1]), (model.encoder_surroundings, ENCODER_NUMBERS)):
        vectors = around.known.vectors * around.known.vector_unit[:, None]
        assert vectors.shape[1] == width
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=0.02)
        assert 0.0 < around.near <= 1.7
        assert 0.0 < around.low < around.high < 1.0


def test_one_that_was_trained_without_an_encoder_has_nothing_beside_it() -> None:
    kept = {name: each for name, each in arrays().items() if not name.startswith("encoder_")}
    model = read_static(written(kept), PIECES, WORDS, LATENT)
    assert (model.beside_encoder, model.encoder_surroundings) == (None, None)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda kept: kept.update(rows=kept["rows"][1:]), "the static stage's rows are"),
        (lambda kept: kept.update(encoder_offset=kept["offset"][1:]), "the static stage's offset are"),
        (lambda kept: kept.update(table=kept["table"][:, 1:]), "the static stage's vector weights are"),
        (lambda kept: kept.update(table=kept["table"][1:]), "the static stage's table are"),
        (lambda kept: kept.update(known_starts=kept["known_starts"][:0:-1]), "the known texts' centres are"),
        (
            lambda kept: kept.update(
                known_steps=kept["known_steps"][:, 1:], known_step_unit=kept["known_step_unit"][1:]
            ),
            "the static stage's known texts are",
        ),
        (
            lambda kept: kept.update(
                encoder_known_vectors=kept["encoder_known_vectors"][:, 1:],
                encoder_known_centres=kept["encoder_known_centres"][:, 1:],
            ),
            "the static stage's encoder's known texts are",
        ),
        (lambda kept: kept.update(band=np.array([0.5, 0.5, 1.0])), "band of likeness ends at 0.5, not above 0.5"),
    ],
)
def test_what_does_not_fit_is_named(change: Callable[[Arrays], None], told: str) -> None:
    kept = arrays()
    change(kept)
    with pytest.raises(ValueError, match=told):
        read_static(written(kept), PIECES, WORDS, LATENT)


def test_a_missing_array_is_named() -> None:
    kept = arrays()
    del kept["ground_offset"]
    with pytest.raises(KeyError, match="ground_offset"):
        read_static(written(kept), PIECES, WORDS, LATENT)
