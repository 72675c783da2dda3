"""Pairs of answers, labelled by hand: which say the same."""

import pytest

from gateway.core.same_answer import is_same_answer

LONG = (
    "Photosynthesis is how plants turn sunlight, water and carbon dioxide into sugar and oxygen. It takes place in the "
    "chloroplasts of leaf cells. First, light reactions split water and store energy; then the Calvin cycle builds "
    "sugar from carbon dioxide with that energy. Oxygen leaves through the stomata."
)
LONG_AGAIN = (
    "Plants use photosynthesis to build sugar from carbon dioxide and water with the energy of sunlight, and give off "
    "oxygen. In the chloroplasts, the light reactions first split water and store the energy. The Calvin cycle then "
    "uses it to turn carbon dioxide into sugar, while oxygen escapes through the stomata of the leaf."
)
LONG_OTHER = (
    "Cellular respiration is how animals and plants release the energy in sugar. Glycolysis in the cytoplasm breaks "
    "glucose into pyruvate; the citric acid cycle in the mitochondria then oxidises it, and the electron transport "
    "chain makes most of the ATP while consuming oxygen and leaving water behind as waste."
)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Paris.", "paris"),
        ("Paris is the capital of France.", "The capital of France is Paris."),
        ("Paris", "Paris is the capital."),
        ("42", "The answer is 42."),
        ("It costs 1,200 dollars.", "It costs 1200 dollars."),
        ("Yes, it is safe.", "Yes, safe."),
        ("You can reset your password in the settings.", "Reset the password in the settings."),
        ("It does not support HTTP/3.", "HTTP/3: it doesn't support it."),
        ("1. Wash\n2. Cut\n3. Cook", "Wash, cut, cook"),
        ("", "…"),
    ],
)
def test_answers_that_say_the_same(first: str, second: str) -> None:
    assert is_same_answer(first, second)
    assert is_same_answer(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("The capital of France is Paris.", "The capital of France is Lyon."),
        ("It was founded in 1998.", "It was founded in 1999."),
        ("Yes, it is safe.", "No, it is safe only in winter."),
        ("It supports HTTP/3.", "It does not support HTTP/3."),
        ("Paris", ""),
        ("About 3 km.", "About 3.5 km."),
        ("Use a stack.", "Use a queue."),
    ],
)
def test_answers_that_do_not(first: str, second: str) -> None:
    assert not is_same_answer(first, second)
    assert not is_same_answer(second, first)


def test_long_answers_may_be_worded_anew() -> None:
    assert is_same_answer(LONG, LONG_AGAIN)
    assert is_same_answer(LONG, LONG_AGAIN, cosine=0.95)
    assert not is_same_answer(LONG, LONG_AGAIN, cosine=0.5)


def test_long_answers_of_other_things_are_told_apart() -> None:
    assert not is_same_answer(LONG, LONG_OTHER)


def test_long_answers_with_other_numbers_are_told_apart() -> None:
    assert not is_same_answer(LONG + " It peaks at 430 and 662 nm.", LONG + " It peaks at 500 and 550 nm.")
    assert is_same_answer(LONG + " It peaks at 430 and 662 nm.", LONG + " It peaks at 430 nm.")
