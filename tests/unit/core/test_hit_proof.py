"""What becomes of a scope as labels of its hits come in."""

import random
from dataclasses import replace

import pytest

from gateway.core.hit_bound import least_hits
from gateway.core.hit_proof import (
    ENOUGH,
    LOOKS_EVERY,
    HitLabel,
    HitProof,
    Standing,
    Terms,
    begin,
    is_shadowed,
    learn,
)
from gateway.domain.question import ScoreCounts

EDGES = tuple(index / 10 for index in range(10))
GOOD = ScoreCounts(EDGES, (1_000,) * 10, (1_000,) * 5 + (20,) * 5)
TERMS = Terms(GOOD, max_wrong=0.1)
SURE, UNSURE = 0.95, 0.55


def taught(proof: HitProof, labels: list[HitLabel], terms: Terms = TERMS) -> HitProof:
    for second, label in enumerate(labels, 1):
        proof = learn(proof, label, terms, float(second))
    return proof


def labels(wrong: int, right: int, probability: float = SURE) -> list[HitLabel]:
    """Return so many of each, the wrong ones evenly among the right."""
    chance = random.Random(1)
    drawn = [HitLabel(probability, is_wrong=True)] * wrong + [HitLabel(probability, is_wrong=False)] * right
    chance.shuffle(drawn)
    return drawn


def test_a_scope_begins_at_what_the_calibration_certifies() -> None:
    proof = begin(TERMS, 7.0)
    assert (proof.standing, proof.threshold, proof.since_s, proof.breaches) == (Standing.SERVING, 0.5, 7.0, 0)
    assert proof.serves(0.5)
    assert not proof.serves(0.49)
    assert sum(proof.labels.right) + sum(proof.labels.wrong) == 0


def test_without_a_threshold_nothing_is_served() -> None:
    proof = begin(Terms(GOOD, max_wrong=0.001), 0.0)
    assert proof.threshold is None
    assert not proof.serves(1.0)


def test_a_label_moves_the_counts_of_its_bin() -> None:
    proof = taught(begin(TERMS, 0.0), [HitLabel(SURE, is_wrong=True), HitLabel(UNSURE, is_wrong=False)])
    assert proof.labels.wrong == (0,) * 9 + (1,)
    assert proof.labels.right == (0,) * 5 + (1,) + (0,) * 4


def test_when_far_too_many_are_wrong_the_scope_turns_to_exact_hits_only() -> None:
    proof, before = begin(TERMS, 0.0), 0
    for before, label in enumerate(labels(30, 30)):
        proof = learn(proof, label, TERMS, 100.0 + before)
        if proof.standing is Standing.EXACT_ONLY:
            break
    assert before + 1 <= 20, "half of all hits wrong is seen within a score of labels"
    assert (proof.threshold, proof.breaches, proof.since_s) == (None, 1, 100.0 + before)
    assert not proof.serves(1.0)
    assert sum(proof.labels.right) + sum(proof.labels.wrong) == 0, "what was said before the breach is not asked again"


def test_labels_below_the_threshold_are_no_evidence_against_what_is_served() -> None:
    proof = taught(begin(TERMS, 0.0), labels(40, 0, probability=0.3))
    assert proof.standing is Standing.SERVING
    assert proof.evidence == 0.0


@pytest.mark.parametrize(("max_wrong", "share"), [(0.1, 0.06), (0.05, 0.025), (0.02, 0.01), (0.4, 0.25), (0.95, 0.5)])
def test_a_scope_that_keeps_its_promise_is_left_alone(max_wrong: float, share: float) -> None:
    terms, chance = Terms(GOOD, max_wrong), random.Random(3)
    proof = replace(begin(terms, 0.0), threshold=0.0)
    for _ in range(2_000):
        proof = learn(proof, HitLabel(SURE, is_wrong=chance.random() < share), terms, 1.0)
        proof = replace(proof, threshold=0.0)
    assert proof.breaches == 0


def test_a_scope_at_its_bound_is_breached_less_than_once_in_a_hundred_labels() -> None:
    chance, breaches = random.Random(4), 0
    proof = replace(begin(TERMS, 0.0), threshold=0.0)
    for _ in range(5_000):
        proof = learn(proof, HitLabel(SURE, is_wrong=chance.random() < 0.1), TERMS, 1.0)
        if proof.standing is Standing.EXACT_ONLY:
            breaches += 1
            proof = begin(TERMS, 0.0)
        proof = replace(proof, threshold=0.0)
    assert 0 < breaches <= 50


def test_after_a_breach_the_scopes_own_labels_bring_it_back() -> None:
    proof = taught(begin(TERMS, 0.0), labels(20, 0))
    assert proof.standing is Standing.EXACT_ONLY
    begins = LOOKS_EVERY * -(-least_hits(0.1) // LOOKS_EVERY)
    proof = taught(replace(proof, labels=begin(TERMS, 0.0).labels), labels(0, begins - 1))
    assert proof.standing is Standing.EXACT_ONLY, "nobody looks yet"
    proof = learn(proof, HitLabel(SURE, is_wrong=False), TERMS, 500.0)
    assert (proof.standing, proof.threshold, proof.since_s, proof.breaches) == (Standing.SERVING, 0.9, 500.0, 1)


def test_a_scope_that_goes_on_being_wrong_stays_with_exact_hits() -> None:
    proof = taught(begin(TERMS, 0.0), labels(20, 0))
    since_s = proof.since_s
    proof = taught(proof, labels(400, 400))
    assert (proof.standing, proof.threshold, proof.since_s) == (Standing.EXACT_ONLY, None, since_s)


def test_after_a_breach_the_calibration_counts_for_nothing() -> None:
    proof = taught(begin(TERMS, 0.0), labels(4, 0))
    assert proof.breaches == 1
    for times, (probability, wanted) in enumerate(((SURE, 0.9), (UNSURE, 0.5), (0.35, 0.3))):
        proof = taught(proof, labels(0, 3 * LOOKS_EVERY, probability))
        assert proof.threshold == wanted, "the calibration has every second one wrong below 0.5"
        assert sum(proof.labels.right) == 3 * LOOKS_EVERY * (times + 1)


def test_few_labels_move_the_threshold_by_little_and_enough_of_them_decide_it() -> None:
    proof = begin(TERMS, 0.0)
    for label in labels(60, 140, probability=UNSURE):
        proof = replace(learn(proof, label, TERMS, 1.0), evidence=0.0)
    assert proof.threshold == 0.5
    for label in labels(ENOUGH // 2, ENOUGH // 2, probability=UNSURE) + labels(0, ENOUGH):
        proof = replace(learn(proof, label, TERMS, 1.0), evidence=0.0)
    assert proof.threshold == 0.9, "what lies between has no labels at all, and is served as what is below"


def test_old_labels_fade() -> None:
    proof = begin(TERMS, 0.0)
    proof = taught(proof, labels(0, 2 * ENOUGH - 1))
    assert sum(proof.labels.right) == 2 * ENOUGH - 1
    proof = learn(proof, HitLabel(0.1, is_wrong=True), TERMS, 1.0)
    assert sum(proof.labels.right) == (2 * ENOUGH - 1) // 2
    assert sum(proof.labels.wrong) == 1, "of odd counts the wrong are rounded up"


def test_a_share_of_requests_is_shadowed_and_each_always_or_never() -> None:
    requests = [b"request %d" % at for at in range(20_000)]
    drawn = [is_shadowed(b"seed", request, 0.02) for request in requests]
    assert 330 <= sum(drawn) <= 470
    assert drawn == [is_shadowed(b"seed", request, 0.02) for request in requests]
    assert drawn != [is_shadowed(b"another seed", request, 0.02) for request in requests]
    assert not any(is_shadowed(b"seed", request, 0.0) for request in requests[:100])
    assert all(is_shadowed(b"x" * 200, request, 1.0) for request in requests[:100])
