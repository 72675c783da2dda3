"""Reading a text never fails, and always gives the same."""

import math

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.scorer_folded import FoldedScorer
from gateway.core.features import MAX_WORDS, SCALAR_NAMES, extract
from gateway.core.plain_text import CONTEXT_CHARS, LOOKED_AT_CHARS, essence, plain_text, turn_text
from gateway.core.words import words_of
from tests.support.artefacts import packaged

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=3_000)
SCORER = FoldedScorer(packaged().table)


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_gives_finite_features_and_always_the_same(user_text: str, context_text: str) -> None:
    features = extract(user_text, context_text)
    assert features == extract(user_text, context_text)
    assert len(features.scalars) == len(SCALAR_NAMES)
    assert all(math.isfinite(value) for value in features.scalars)
    assert len(features.words) <= MAX_WORDS


@given(ANY_TEXT, st.text(max_size=200))
def test_what_is_read_is_bounded_however_long_the_text(user_text: str, context_text: str) -> None:
    text, unread = turn_text(user_text * 20, context_text)
    # A character in normal form is up to 18 of them, which no bound on time or size needs to know.
    assert len(text) <= 18 * (2 * LOOKED_AT_CHARS + CONTEXT_CHARS + 2)
    assert unread == max(0, len(user_text) * 20 - 2 * LOOKED_AT_CHARS)


@given(ANY_TEXT)
def test_reading_what_was_read_changes_nothing_more(text: str) -> None:
    plain, _ = plain_text(text)
    assert len(plain_text(plain)[0]) <= len(plain)
    assert set(words_of(essence(plain))) <= set(words_of(plain))


@given(ANY_TEXT, ANY_TEXT, st.integers(-5, 10_000))
def test_any_text_gets_a_finite_score(user_text: str, context_text: str, turns: int) -> None:
    score = SCORER.score_text(user_text, context_text, turns)
    assert 0.0 <= score.familiarity <= 1.0
    assert score.is_known == bool(score.latent)
    assert all(math.isfinite(value) for value in score.latent)
