"""The classes of semantic hits: each has its own labels, its own standing, and tells its changes once."""

from gateway.core.hit_proof import HitLabel, HitProof, Standing, Terms
from gateway.core.hit_proofs import CLASSES_MAX, UNSHARED_MAX, HitClass, HitProofs
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.question import ScoreCounts

TERMS = Terms(ScoreCounts((0.0, 0.9), (0, 1_000), (0, 5)), max_wrong=0.05)
ALICE = HitClass(TenantId("alice"), RouteName("faq"), "v1")
BOB = HitClass(TenantId("bob"), RouteName("faq"), "v1")
RIGHT, WRONG = HitLabel(0.95, is_wrong=False), HitLabel(0.95, is_wrong=True)


class Told:
    """Remembers the changes that it was told."""

    def __init__(self) -> None:
        self.changes: list[tuple[HitClass, Standing]] = []

    def __call__(self, hit_class: HitClass, proof: HitProof) -> None:
        self.changes.append((hit_class, proof.standing))


def test_a_class_begins_with_what_the_calibration_allows() -> None:
    proof = HitProofs(Told()).proof_of(ALICE, TERMS, 0.0)
    assert proof.serves(0.95)
    assert not proof.serves(0.5)


def test_a_breach_of_one_class_is_told_once_and_turns_it_alone_off() -> None:
    told = Told()
    proofs = HitProofs(told)
    for hit_class in (ALICE, BOB):
        proofs.proof_of(hit_class, TERMS, 0.0)
    for _ in range(30):
        proofs.label(ALICE, WRONG, 1.0)
    assert told.changes == [(ALICE, Standing.EXACT_ONLY)]
    assert not proofs.proof_of(ALICE, TERMS, 2.0).serves(1.0)
    assert proofs.proof_of(BOB, TERMS, 2.0).serves(0.95)
    assert [proof.standing for proof in proofs.held.values()] == [Standing.EXACT_ONLY, Standing.SERVING]
    assert (proofs.right, proofs.wrong) == (0, 30)


def test_right_labels_bring_a_class_back_and_that_is_told_too() -> None:
    told = Told()
    proofs = HitProofs(told)
    proofs.proof_of(ALICE, TERMS, 0.0)
    for label in (*[WRONG] * 10, *[RIGHT] * 400):
        proofs.label(ALICE, label, 1.0)
    assert [standing for _, standing in told.changes] == [Standing.EXACT_ONLY, Standing.SERVING]
    assert proofs.held[ALICE].serves(0.95)


def test_another_promise_begins_anew() -> None:
    proofs = HitProofs(Told())
    proofs.proof_of(ALICE, TERMS, 0.0)
    for _ in range(30):
        proofs.label(ALICE, WRONG, 1.0)
    assert proofs.proof_of(ALICE, Terms(TERMS.calibration, max_wrong=0.1), 2.0).serves(0.95)


def test_own_labels_wait_to_be_told_and_heard_ones_do_not() -> None:
    proofs = HitProofs(Told())
    proofs.proof_of(ALICE, TERMS, 0.0)
    proofs.label(ALICE, RIGHT, 1.0)
    proofs.merge(ALICE, [WRONG], 1.0)
    assert proofs.take_unshared() == [(ALICE, RIGHT)]
    assert proofs.take_unshared() == []
    assert sum(proofs.held[ALICE].labels.right) == sum(proofs.held[ALICE].labels.wrong) == 1


def test_labels_of_a_class_that_is_not_known_here_are_passed_over() -> None:
    proofs = HitProofs(Told())
    proofs.merge(BOB, [WRONG], 1.0)
    assert proofs.held == {}


def test_there_is_an_end_to_what_is_held() -> None:
    proofs = HitProofs(Told())
    for at in range(CLASSES_MAX + 1):
        proofs.proof_of(HitClass(TenantId(str(at)), RouteName("faq"), "v1"), TERMS, 0.0)
    assert len(proofs.held) == CLASSES_MAX
    for _ in range(UNSHARED_MAX + 1):
        proofs.label(ALICE, RIGHT, 1.0)
    assert len(proofs.take_unshared()) == UNSHARED_MAX
