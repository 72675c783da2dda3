"""Where questions and words lie, by the packaged verifier's space."""

import numpy as np
import pytest

from gateway.adapters.question_vectors import PIECES_MAX, REMEMBERED_WORDS, QuestionVectors
from tests.support.artefacts import packaged

ARTEFACT = packaged()


def vectors() -> QuestionVectors:
    assert ARTEFACT.verifier is not None
    return QuestionVectors(ARTEFACT.verifier, ARTEFACT.static, "questions 1")


async def test_the_same_question_in_other_words_lies_nearer_than_another() -> None:
    space = vectors()
    texts = ("How do I lose weight quickly?", "What is a fast way to lose weight?", "How do I learn to play chess?")
    found = [await space.embed(text) for text in texts]
    assert all(each is not None and len(each) == space.width for each in found)
    asked, same, other = (np.frombuffer(each or b"", np.int8).astype(np.float64) / 127 for each in found)
    assert float(asked @ asked) == pytest.approx(1.0, abs=0.02)
    assert float(asked @ same) > float(asked @ other) + 0.2


async def test_a_text_without_pieces_or_with_too_many_has_no_vector() -> None:
    space = vectors()
    for text in ("", "  ", "word " * (PIECES_MAX + 1)):
        assert await space.embed(text) is None
    assert await space.embed("word " * PIECES_MAX) is not None


def test_words_have_a_direction_and_a_weight_and_are_remembered() -> None:
    space = vectors()
    matrix, weights = space.words(("buy", "purchase", "the", "buy"))
    assert matrix.shape == (4, space.width)
    assert np.linalg.norm(matrix, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert weights[2] < weights[0], "an article tells little"
    assert (matrix[0] == matrix[3]).all()
    assert space.words(("\u200b",))[1] == [0.0], "what has no piece weighs nothing"


def test_when_too_many_words_are_remembered_all_are_forgotten_and_learnt_anew() -> None:
    space = vectors()
    before = space.words(("buy",))[0]
    space.words(tuple(f"w{number}" for number in range(REMEMBERED_WORDS)))
    assert (space.words(("buy",))[0] == before).all()
