"""Whatever two questions say, their words are matched consistently, and opposites are those that the rules name."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pair_alignment import NO_MATCH, align
from gateway.core.question import read_question
from gateway.core.question_words import are_opposites, has_opposites

_SAID = (
    """the teh hte is ist he on no buy sell more less happy unhappy hopeful hopeless bread braed brea d dbread 12 1 2"""
)
WORDS = st.sampled_from(_SAID.split())
TEXTS = st.lists(WORDS, max_size=9).map(" ".join)
WRITTEN = st.one_of(TEXTS, st.text(max_size=40))


@given(WRITTEN, WRITTEN)
def test_a_word_is_matched_or_left_over_and_its_match_leads_back(asked: str, cached: str) -> None:
    here, there = read_question(asked), read_question(cached)
    pair = align(here, there)
    for match, back, unmatched in (
        (pair.match, pair.back, pair.unmatched),
        (pair.back, pair.match, pair.unmatched_back),
    ):
        assert [at for at, to in enumerate(match) if to == NO_MATCH] == list(unmatched)
        # Of two words that stand for one, the one leads back to the last.
        assert all(back[to] in (at, at + 1) for at, to in enumerate(match) if to != NO_MATCH)
    assert set(pair.content) <= set(pair.unmatched)
    assert align(here, here).unmatched == ()


@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6))
def test_two_lists_have_opposites_if_two_of_their_words_are(here: list[str], there: list[str]) -> None:
    assert has_opposites(here, there) is any(are_opposites(one, other) for one, other in product(here, there))
