"""The parts of semantic hits, and what is logged when they end and begin again."""

import logging
from dataclasses import replace

import pytest

from gateway.adapters.artefact import load_artefact, shipped_artefact
from gateway.adapters.peers import Peers
from gateway.app.semantic import make_judge, make_semantic
from gateway.app.settings import read_settings
from gateway.app.stores import open_stores
from gateway.core.hit_proof import HitLabel, Standing, Terms
from gateway.core.hit_proofs import HitClass
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.question import ScoreCounts
from gateway.domain.receipt import ReceiptTerms
from tests.support.clocks import ManualClock

TERMS = Terms(ScoreCounts((0.0, 0.9), (0, 1_000), (0, 5)), max_wrong=0.05)
CLASS = HitClass(TenantId("team"), RouteName("faq"), "v1")

ALONE, KEPT = Peers(None, 0), ReceiptTerms(10)


async def test_the_end_of_semantic_hits_is_an_error_in_the_log_and_their_return_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stores = open_stores(read_settings({}, {}).with_cache_secret(), ManualClock(), KEPT, ALONE)
    parts = make_semantic(stores, {})
    parts.proofs.proof_of(CLASS, TERMS, 0.0)
    with caplog.at_level(logging.WARNING, "tiergate"):
        while parts.proofs.held[CLASS].standing is Standing.SERVING:
            parts.proofs.label(CLASS, HitLabel(0.95, is_wrong=True), 0.0)
        while parts.proofs.held[CLASS].standing is Standing.EXACT_ONLY:
            parts.proofs.label(CLASS, HitLabel(0.95, is_wrong=False), 0.0)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "ERROR",
            "too many semantic hits of tenant team on route faq were wrong: none is given until comparisons allow it",
        ),
        ("WARNING", "semantic hits of tenant team on route faq are given again"),
    ]
    assert parts.index is stores.semantic
    await stores.aclose()


def test_the_shipped_model_has_a_judge_and_one_without_a_verifier_has_none() -> None:
    shipped = load_artefact(shipped_artefact())
    judge = make_judge(ManualClock(), shipped)
    assert judge is not None
    assert judge.name.endswith(judge.verifier.digest)
    question = judge.read("How do I reset the password of my router?")
    assert judge.read(question.text) is question, "parsed once"
    assert make_judge(ManualClock(), replace(shipped, verifier=None)) is None


async def test_the_judge_of_the_shipped_model_tells_other_words_from_another_question() -> None:
    judge = make_judge(ManualClock(), load_artefact(shipped_artefact()))
    assert judge is not None
    texts = (
        "How do I reset the password of my router?",
        "How can I reset my router's password?",
        "Is rain acid in 2024?",
    )
    asked, again, other = map(judge.read, texts)
    vectors = [await judge.embedder.embed(text) for text in texts]
    assert all(vectors)
    same, different = judge.verifier.judge(asked, (again, other), (0.9, 0.1))
    assert same.probability > 0.5 > different.probability
