"""Which words are contraries of each other."""

import pytest

from gateway.core.question_words import FILLERS, NUMBER_WORDS, OPPOSITES, UNITS, are_opposites, has_opposites


@pytest.mark.parametrize(
    ("one", "other", "are_so"),
    [
        ("more", "less", True),
        ("legal", "illegal", True),
        ("happy", "unhappy", True),
        ("hopeful", "hopeless", True),
        ("it", "unit", False),
        ("rest", "forest", False),
        ("cat", "dog", False),
        ("careful", "helpless", False),
    ],
)
def test_contraries_are_told_both_ways(one: str, other: str, *, are_so: bool) -> None:
    assert are_opposites(one, other) is are_so
    assert are_opposites(other, one) is are_so
    assert has_opposites(["and", one], [other]) is are_so
    assert has_opposites([other], ["and", one]) is are_so


def test_lists_hold_single_words() -> None:
    for words in (OPPOSITES, FILLERS, UNITS, NUMBER_WORDS):
        assert words
        assert all(word and " " not in word for word in words)
    assert NUMBER_WORDS["twelve"] == "12"
