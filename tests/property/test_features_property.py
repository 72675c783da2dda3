"""Reading a text never fails, and always gives the same."""

import math

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.artefact import load_artefact, shipped_artefact
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.core.features import MAX_WORDS, SCALAR_NAMES, extract, read_text

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=3_000)
SCORER = FoldedScorer(load_artefact(shipped_artefact()).table)


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_gives_finite_features_and_always_the_same(user_text: str, context_text: str) -> None:
    features = extract(user_text, context_text)
    assert features == extract(user_text, context_text)
    assert len(features.scalars) == len(SCALAR_NAMES)
    assert all(math.isfinite(value) for value in features.scalars)
    assert len(features.words) <= MAX_WORDS


@given(ANY_TEXT, st.text(max_size=200))
def test_what_is_read_is_bounded_however_long_the_text(user_text: str, context_text: str) -> None:
    raw, size = read_text(user_text * 20, context_text)
    assert len(raw) <= 4 * 801
    assert size >= min(len(user_text) * 20, 801)


@given(ANY_TEXT, ANY_TEXT, st.integers(-5, 10_000))
def test_any_text_gets_a_finite_score(user_text: str, context_text: str, turns: int) -> None:
    score = SCORER.score_text(user_text, context_text, turns)
    assert 0.0 <= score.familiarity <= 1.0
    assert score.is_known == bool(score.latent)
    assert all(math.isfinite(value) for value in score.latent)
