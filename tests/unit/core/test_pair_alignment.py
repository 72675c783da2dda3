"""Which words of two questions stand for each other."""

import pytest

from gateway.core.pair_alignment import NO_MATCH, Alignment, align, is_joined, is_respelt
from gateway.core.question import read_question


def aligned(asked: str, cached: str) -> Alignment:
    return align(read_question(asked), read_question(cached))


def test_words_are_matched_by_stem_each_once_and_from_the_left() -> None:
    pair = aligned("the cat and the dog", "the dogs and the cats the")
    assert pair.match == (0, 4, 2, 3, 1)
    assert pair.back == (0, 4, 2, 3, 1, NO_MATCH)
    assert (pair.unmatched, pair.unmatched_back) == ((), (5,))


def test_function_words_are_no_content() -> None:
    pair = aligned("is there a large cat", "was the cat small")
    assert [pair.unmatched, pair.unmatched_back] == [(0, 1, 2, 3), (0, 1, 3)]
    assert [pair.content, pair.content_back] == [(3,), (3,)]


def test_a_word_with_one_wrong_letter_is_matched_unless_it_is_the_contrary() -> None:
    pair = aligned("control terrorism", "contrl etrrorism")
    assert pair.respelt == 2
    assert pair.unmatched == pair.unmatched_back == ()
    assert aligned("an import", "an export").respelt == 0
    assert aligned("buyer", "buyre or seller").respelt == 1


@pytest.mark.parametrize(
    ("one", "other", "is_so"),
    [
        ("terrorism", "etrrorism", True),
        ("quick", "qick", True),
        ("quick", "quicck", True),
        ("quick", "quack", True),
        ("quicks", "quick", True),
        ("quick", "quilt", False),
        ("quick", "quickest", False),
        ("cat", "cart", False),
        ("2024", "2025", False),
        ("form", "from", True),
        ("word", "draw", False),
        ("teh", "the", True),
        ("hte", "the", True),
        ("ym", "my", True),
        ("on", "no", False),
        ("tap", "pat", False),
        ("she", "the", False),
        ("eth", "the", False),
    ],
)
def test_one_letter_may_be_wrong(one: str, other: str, *, is_so: bool) -> None:
    assert is_respelt(one, other) is is_so
    assert is_respelt(other, one) is is_so


def test_content_words_in_the_other_order_have_moved() -> None:
    assert aligned("turn benzene into toluene", "turn toluene into benzene").moved == ((1, 3),)
    assert aligned("turn benzene into toluene", "turn benzene into toluene").moved == ()


def test_words_may_change_places_beside_some_words() -> None:
    words = ("tea", "or", "coffee", "into", "milk")
    assert is_joined(words, 0, 2)
    assert not is_joined(words, 2, 4)


def test_opposites_are_found_each_word_once() -> None:
    assert aligned("buy low, sell high", "raise buying of the unhigh lower").opposites == (("high", "unhigh"),)
    assert aligned("more and more hopeful", "less and hopeless").opposites == (
        ("more", "less"),
        ("hopeful", "hopeless"),
    )
    assert aligned("more bread", "bread").opposites == ()


def test_a_word_is_respelt_whichever_letter_is_wrong() -> None:
    for wrong in ("unwrong", "wwrong", "rwong", "wrnog", "wrogn", "wronga", "wron", "rong", "brong", "wrong"):
        assert aligned(wrong, "wrong").respelt == (wrong not in ("unwrong", "wrong")), wrong


@pytest.mark.parametrize(
    ("asked", "cached", "match", "slips"),
    [
        ("wh ydo dogs bark", "why do dogs bark", (0, 1, 2, 3), 1),
        ("howd o ist he", "how do is the", (0, 1, 2, 3), 2),
        ("a web site", "a website", (0, 1, 1), 1),
        ("a website", "a web site", (0, 2), 1),
        ("a bc d", "ab cd", (NO_MATCH, NO_MATCH, NO_MATCH), 0),
        ("ab cd", "a bc d", (NO_MATCH, NO_MATCH), 0),
        ("what 12 3", "what 1 23", (0, NO_MATCH, NO_MATCH), 0),
        ("aa bb aa", "aabb bbaa", (0, 0, NO_MATCH), 1),
    ],
)
def test_a_space_may_be_in_the_wrong_place(asked: str, cached: str, match: tuple[int, ...], slips: int) -> None:
    pair = aligned(asked, cached)
    assert pair.match == match
    assert pair.respelt == slips
    assert set(pair.unmatched).isdisjoint(at for at, to in enumerate(match) if to != NO_MATCH)
