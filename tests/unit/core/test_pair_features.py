"""What a verifier reads of two questions."""

import pytest

from gateway.core.pair_alignment import align
from gateway.core.pair_features import FEATURE_NAMES, pair_features
from gateway.core.question import read_question


def features(asked: str, cached: str, likeness: float = 0.25) -> dict[str, float]:
    """Return features by name; every word weighs 1, and is as like to every other as it is said."""
    one, other = read_question(asked), read_question(cached)
    matrix = [[likeness] * len(other.words) for _ in one.words]
    weights, cached_weights = [1.0] * len(one.words), [1.0] * len(other.words)
    found = pair_features(one, other, align(one, other), 0.9, matrix, weights, cached_weights)
    return dict(zip(FEATURE_NAMES, found, strict=True))


def test_the_same_question_differs_in_nothing() -> None:
    found = features("How do I cook rice?", "How do I cook rice?")
    assert found["cosine"] == 0.9
    assert found["cover_least"] == found["cover_most"] == found["shared_weight"] == found["length_ratio"] == 1.0
    assert found["same_words"] == found["first_matched"] == found["last_matched"] == found["neighbours_kept"] == 1.0
    assert found["substitute_best"] == found["substitute_worst"] == 1.0
    different = ("content", "moved", "numbers_exchanged", "opposites", "names_exchanged", "function", "asks_differ")
    assert [found[name] for name in different] == [0.0] * len(different)


def test_words_cover_each_other_by_their_best_likeness() -> None:
    found = features("cook red rice", "cook rice", likeness=0.5)
    assert found["cover_least"] == pytest.approx(1 - 0.5 / 3)
    assert found["cover_most"] == 1.0
    assert found["shared_weight"] == pytest.approx(4 / 5)
    assert (found["loss_most"], found["loss_other"]) == (0.5, 0.0)
    assert (found["content"], found["content_both"], found["content_one_sided"]) == (1.0, 0.0, 1.0)


def test_content_on_both_sides_is_a_substitution() -> None:
    found = features("cook red rice", "cook brown pasta", likeness=0.5)
    assert (found["content"], found["content_both"], found["content_one_sided"]) == (4.0, 2.0, 0.0)
    assert (found["substitute_best"], found["substitute_worst"]) == (0.5, 0.5)
    assert found["content_weight_share"] == pytest.approx(4 / 6)


def test_an_exchange_of_roles_has_moved_apart_and_one_beside_and_has_not() -> None:
    roles = features("Did Ann sue Bob?", "Did Bob sue Ann?")
    assert (roles["moved"], roles["moved_apart"], roles["moved_joined"], roles["same_words_moved"]) == (
        3.0,
        3.0,
        0.0,
        1.0,
    )
    assert roles["moved_share"] == 1.0
    joined = features("Is Ann wise and kind?", "Is Ann kind and wise?")
    assert (joined["moved"], joined["moved_apart"], joined["moved_joined"]) == (1.0, 0.0, 1.0)
    assert roles["turns"] == 2.0


def test_what_stands_before_a_word_counts() -> None:
    found = features("a train from Rome", "a train to Rome")
    assert (found["words_before"], found["directions_before"]) == (1.0, 1.0)
    assert features("a train to Rome", "the train to Rome")["directions_before"] == 0.0


@pytest.mark.parametrize(
    ("asked", "cached", "same", "exchanged", "one_sided", "moved"),
    [
        ("in 2024", "in 2024", 1, 0, 0, 0),
        ("in 2024", "in 2025", 0, 1, 0, 0),
        ("in 2024", "once", 0, 0, 1, 0),
        ("from 1 to 2", "from 2 to 1", 1, 0, 0, 1),
        ("2 and 2", "2 and", 0, 0, 1, 0),
        ("no number", "no number", 0, 0, 0, 0),
    ],
)
def test_numbers(asked: str, cached: str, same: int, exchanged: int, one_sided: int, moved: int) -> None:
    found = features(asked, cached)
    assert (found["numbers_same"], found["numbers_exchanged"]) == (same, exchanged)
    assert (found["numbers_one_sided"], found["numbers_moved"]) == (one_sided, moved)


def test_units_differ_where_both_have_some() -> None:
    assert features("lose 5 kg", "lose 5 lbs")["units_differ"] == 1.0
    assert features("lose 5 kg", "lose 5 kg")["units_differ"] == 0.0
    assert features("lose 5 kg", "lose 5")["units_differ"] == 0.0


def test_denials_and_opposites_cancel_out() -> None:
    denied = features("Is it safe?", "Is it not safe?")
    assert (denied["denials_differ"], denied["denial_parity"]) == (1.0, 1.0)
    cancelled = features("Is it safe?", "Is it not unsafe?")
    assert (cancelled["opposites"], cancelled["denials_differ"], cancelled["denial_parity"]) == (1.0, 1.0, 0.0)


def test_names() -> None:
    assert features("Is Ann in?", "Is Bob in?")["names_exchanged"] == 1.0
    one_sided = features("Is Ann Lee in?", "Is Ann in?")
    assert (one_sided["names_exchanged"], one_sided["names_one_sided"], one_sided["name_for_word"]) == (0.0, 1.0, 0.0)
    assert features("Is Ann in?", "Is rain in?")["name_for_word"] == 1.0
    assert features("Is rain in?", "Is Ann in?")["name_for_word"] == 1.0
    assert features("Is Ann in?", "Is Bob in?")["names"] == 2.0


def test_function_words_by_class() -> None:
    found = features("tea and milk", "tea or milk")
    assert (found["class_0"], found["function"], found["function_both"]) == (2.0, 2.0, 1.0)
    assert (found["fillers"], found["no_fillers"]) == (0.0, 2.0)
    assert features("is it really so", "is it so")["fillers"] == 1.0


@pytest.mark.parametrize(
    ("asked", "cached", "differ", "of_another"),
    [
        ("How many cats?", "How many cats?", 0, 0),
        ("How many cats?", "How old cats?", 0, 1),
        ("Why cats?", "How cats?", 2, 0),
        ("Cats?", "How cats?", 1, 0),
        ("Is it so?", "Is that so?", 0, 0),
        ("and why", "but why", 0, 0),
    ],
)
def test_what_is_asked_for(asked: str, cached: str, differ: int, of_another: int) -> None:
    found = features(asked, cached)
    assert (found["asks_differ"], found["asks_of_another"]) == (differ, of_another)


def test_quotations_alphabets_and_misspellings() -> None:
    assert features('What is "carpe diem"?', 'What is "memento mori"?')["quoted_differ"] == 1.0
    assert features("What is love?", "Что is love?")["scripts_differ"] == 1.0
    assert features("What is lvoe?", "What is love?")["respelt"] == 1.0


def test_single_words_and_words_of_no_weight_are_compared_as_well() -> None:
    one, other = read_question("tea"), read_question("coffee")
    found = pair_features(one, other, align(one, other), 0.1, [[0.0]], [0.0], [0.0])
    assert len(found) == len(FEATURE_NAMES)
    assert dict(zip(FEATURE_NAMES, found, strict=True))["cover_least"] == 1.0
