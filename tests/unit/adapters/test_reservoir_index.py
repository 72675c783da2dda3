"""Near labels are found exactly, whatever was added, changed and dropped before."""

import math
import random
from collections.abc import Callable

import numpy as np
import pytest

from gateway.adapters.label_line import along, line_of
from gateway.adapters.reservoir_index import ReservoirIndex, ReservoirSettings
from gateway.core.neighbours import (
    LINE_FROM,
    NEAREST,
    closeness_by_cosine,
    closeness_by_distance,
    correction,
    level_of,
    raised,
)
from gateway.domain.ability import Ability, Correction, Score, acceptance
from gateway.domain.feedback import Label
from gateway.domain.ids import TenantId
from tests.support.labels import ALICE, BOB, a_label
from tests.support.tiers import a_tier

ABILITY = Ability("test", 0.3, (1.0, -0.5), 0.1, 0.6, ())
SMALL = a_tier("small", ability=ABILITY)
WIDTH = 12


def weight_of(label: Label, score: Score) -> float:
    """Weigh a label by the definition."""
    if score.embedding and label.embedding:
        one, other = (np.frombuffer(raw, np.int8).astype(float) for raw in (score.embedding, label.embedding))
        return closeness_by_cosine(float(one @ other / math.sqrt((one @ one) * (other @ other))))
    return closeness_by_distance(math.dist(score.latent, label.latent) ** 2 / len(score.latent))


def by_definition(labels: list[Label], score: Score) -> Correction:
    """Correct a tier by looking at every label."""
    near = sorted(labels, key=lambda label: weight_of(label, score), reverse=True)[:NEAREST]
    stands = standing(labels)
    weights = [weight_of(label, score) for label in near]
    expected = [raised(predicted(each), stands(each.embedding, predicted(each))) for each in near]
    off = stands(score.embedding, acceptance(ABILITY, score))
    return correction(SMALL.name, off, weights, [each.score for each in near], expected)


def standing(labels: list[Label]) -> Callable[[bytes, float], float]:
    """Return how far the tier stands off at an embedding of which something is said."""
    level = level_of([each.score for each in labels], [predicted(each) for each in labels])
    embedded = [each for each in labels if each.embedding]
    if len(embedded) < LINE_FROM:
        return lambda embedding, said: level
    vectors = np.array([unit(each.embedding) for each in embedded], np.float32)
    scores, said = ([of(each) for each in embedded] for of in (lambda each: each.score, predicted))
    line = line_of(vectors, np.array(scores, np.float32), np.array(said, np.float32))

    def stands(embedding: bytes, p: float) -> float:
        return along(line, unit(embedding)[None], np.array([p], np.float32))[0] if embedding else level

    return stands


def unit(embedding: bytes) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    vector = np.frombuffer(embedding, np.int8).astype(np.float32)
    return vector / np.linalg.norm(vector)


def predicted(label: Label) -> float:
    return acceptance(ABILITY, Score(label.latent, label.familiarity, "test"))


def draw(chance: random.Random, name: str, tenant: TenantId = ALICE, *, embedded: float = 0.5) -> Label:
    """Draw a label; with this probability it has an embedding."""
    embedding = bytes(chance.randrange(256) for _ in range(WIDTH)) if chance.random() < embedded else b""
    latent = (chance.gauss(0, 1), chance.gauss(0, 1))
    return a_label(name, chance.random(), tenant=tenant, latent=latent, familiarity=0.8, embedding=embedding)


def ask(index: ReservoirIndex, score: Score, tenant: TenantId = ALICE, *, shared: bool = False) -> Correction:
    (found,) = index.corrections(tenant, (SMALL,), score, "space-1", shared=shared)
    return found


@pytest.mark.parametrize("embedded", [0.0, 0.5, 1.0])
def test_what_is_found_is_what_the_definition_says(embedded: float) -> None:
    chance, index = random.Random(7), ReservoirIndex(ReservoirSettings(per_tenant=150))
    for number in range(400):
        # Names come again, so labels are changed as well as added; the oldest are dropped all the time.
        index.put(draw(chance, f"{chance.randrange(300)}", embedded=embedded))
        if number % 40 == 39:
            query = draw(chance, "query", embedded=0.5)
            score = Score(query.latent, 1.0, "test", embedding=query.embedding)
            found, wanted = ask(index, score), by_definition(index.labels(), score)
            # A line is kept for a while, so beyond `LINE_FROM` labels what is found is of a moment ago.
            assert found.logit == pytest.approx(wanted.logit, abs=0.1 if embedded == 1.0 and number > 130 else 1e-3)
            assert found.labels == pytest.approx(wanted.labels, abs=1e-3)
    assert len(index) == 150


def test_shared_labels_are_those_of_all_tenants_from_whenever_they_are_asked_for() -> None:
    chance, index = random.Random(8), ReservoirIndex(ReservoirSettings(per_tenant=40))
    score = Score((0.0, 0.0), 1.0, "test")
    for number in range(120):
        index.put(draw(chance, f"{number}", (ALICE, BOB)[number % 2], embedded=0.0))
        if number in (50, 119):
            assert ask(index, score, shared=True).logit == pytest.approx(by_definition(index.labels(), score).logit)
    assert index.stats() == {"labels": 80, "tenants": 2}


def test_beyond_the_bound_of_all_the_fullest_tenant_loses_its_oldest() -> None:
    index = ReservoirIndex(ReservoirSettings(per_tenant=10, in_all=6))
    for number in range(5):
        index.put(a_label(f"{number}"))
    for number in range(3):
        index.put(a_label(f"{number}", tenant=BOB))
    kept = [(label.tenant, label.request_id) for label in index.labels()]
    assert kept == [(ALICE, "2"), (ALICE, "3"), (ALICE, "4"), (BOB, "0"), (BOB, "1"), (BOB, "2")]


def test_an_empty_place_is_taken_away() -> None:
    index = ReservoirIndex(ReservoirSettings(per_tenant=1))
    index.put(a_label("a"))
    index.put(a_label("b", tier="large"))
    assert index.corrections(ALICE, (a_tier("small"),), Score((0.5,), 1.0, "test"), "space-1", shared=False) == ()


def test_embeddings_of_another_length_are_compared_by_position() -> None:
    index = ReservoirIndex()
    index.put(a_label("a", 0.0, latent=(0.0, 0.0), embedding=b"\x01\x02"))
    index.put(a_label("b", 0.0, latent=(0.0, 0.0), embedding=b"\x01\x02\x03"))
    for embedding, wanted in ((b"\x01\x02", 2.0), (b"\x02\xff", 1.0), (b"\x02\xff\x00", 1.0), (b"\x01" * 4, 2.0)):
        found = ask(index, Score((0.0, 0.0), 1.0, "test", embedding=embedding))
        assert found.labels == pytest.approx(wanted)
    assert ask(index, Score((), 0.0, "test", embedding=b"\x00\x00")).labels == 0.0
