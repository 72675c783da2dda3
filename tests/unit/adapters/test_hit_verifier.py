"""The packaged verifier, on questions that are in no training data."""

import pytest

from gateway.adapters.hit_verifier import TreeHitVerifier
from gateway.core.hit_bound import threshold
from gateway.domain.question import GuardKind, Judgement
from tests.support.artefacts import packaged

ARTEFACT = packaged()
assert ARTEFACT.verifier is not None
VERIFIER = TreeHitVerifier(ARTEFACT.verifier, ARTEFACT.static, "0123456789abcdef")
SERVED_AT = threshold(VERIFIER.calibration, 0.15)
"""Where at most 15 % may be wrong: at 10 % only one pair in fifty of a calibration is sure enough."""


def judged(asked: str, *cached: str) -> tuple[Judgement, ...]:
    vectors = [VERIFIER.vectors.vector(text) for text in (asked, *cached)]
    cosines = [0.0 if one is None or vectors[0] is None else float(vectors[0] @ one) for one in vectors[1:]]
    return VERIFIER.judge(VERIFIER.read(asked), [VERIFIER.read(text) for text in cached], cosines)


@pytest.mark.parametrize(
    ("asked", "cached"),
    [
        ("How can I reset my router at home?", "How do I reset my router at home?"),
        ("What's the tallest tower in Spain?", "What is the tallest tower in Spain?"),
        ("How do you get rid of ants in a kitchen?", "How do I get rid of ants in a kitchen?"),
        ("Why does my bread not rise?", "Why doesn't my bread rise?"),
    ],
)
def test_the_same_question_in_other_words_is_served(asked: str, cached: str) -> None:
    (judgement,) = judged(asked, cached)
    assert SERVED_AT is not None
    assert judgement.probability >= SERVED_AT


@pytest.mark.parametrize(
    ("asked", "cached", "kind"),
    [
        ("Who won the chess title in 2012?", "Who won the chess title in 2011?", GuardKind.NUMBER),
        ("Is it safe to eat raw dough?", "Is it not safe to eat raw dough?", GuardKind.NEGATION),
        ("How do I turn wine into vinegar?", "How do I turn vinegar into wine?", GuardKind.ORDER),
        ("Where was Ada Byron born?", "Where was Alan Byron born?", GuardKind.NAME),
        ("How can I become more patient?", "How can I become less patient?", GuardKind.ANTONYM),
        ("Can I walk 5 km in an hour?", "Can I walk 5 miles in an hour?", GuardKind.UNIT),
        ("What does love mean?", "What does любовь mean?", GuardKind.LANGUAGE),
    ],
)
def test_what_asks_for_something_else_is_refused_with_its_reason(asked: str, cached: str, kind: GuardKind) -> None:
    (judgement,) = judged(asked, cached)
    assert judgement.probability < 0.5
    assert kind in {guard.kind for guard in judgement.guards}


def test_several_are_judged_as_each_would_be_alone() -> None:
    cached = ("How do I bake bread?", "", "How do I bake a cake?", "How can I bake bread?")
    together = judged("How could I bake bread?", *cached)
    assert [each.probability for each in together] == [
        judged("How could I bake bread?", each)[0].probability for each in cached
    ]
    assert together[1].probability == 0.0
    assert together[3].probability > together[2].probability


def test_a_question_without_a_word_is_answered_by_no_other() -> None:
    assert [each.probability for each in judged("?!", "?!", "Why?")] == [0.0, 0.0]
    assert judged("Why?", "?!")[0].probability == 0.0
    assert judged("Why?") == ()


def test_who_it_is_and_what_it_was_calibrated_on() -> None:
    assert VERIFIER.digest.startswith("0123")
    assert VERIFIER.vectors.name == "questions 0123456789ab"
    counts = VERIFIER.calibration
    assert sum(counts.right) + sum(counts.wrong) > 9_000, "pairs that share a question count as one"
    assert threshold(counts, 0.01) is None
