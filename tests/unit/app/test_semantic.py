"""The parts of semantic hits, and what is logged when they end and begin again."""

import logging
from dataclasses import replace

import pytest

from gateway.adapters.artefact import Artefact
from gateway.adapters.embedder_encoder import EncoderEmbedder
from gateway.adapters.hit_verifier import TreeHitVerifier
from gateway.adapters.peers import Peers
from gateway.app.semantic import JudgeMaker, make_semantic
from gateway.app.settings import read_settings
from gateway.app.stores import open_stores
from gateway.core.hit_proof import HitLabel, Standing, Terms
from gateway.core.hit_proofs import HitClass
from gateway.core.wordpiece import WordPieces
from gateway.domain.ids import RouteName, TenantId
from gateway.domain.question import ScoreCounts
from gateway.domain.receipt import ReceiptTerms
from gateway.pipeline.world import HitJudges
from tests.support.artefacts import packaged
from tests.support.clocks import ManualClock
from tests.support.toy_encoders import CountedEncoding
from tests.support.vocabularies import small_vocabulary

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
    shipped = packaged()
    judges = JudgeMaker(ManualClock())(shipped)
    assert judges is not None
    assert judges.encoder is None, "no encoder runs here"
    judge = judges.static
    assert judge.name.endswith(judge.verifier.digest)
    question = judge.read("How do I reset the password of my router?")
    assert judge.read(question.text) is question, "parsed once"
    assert JudgeMaker(ManualClock())(replace(shipped, verifier=None)) is None


def test_the_encoder_has_a_judge_where_it_runs_and_the_verifier_was_trained_with_it() -> None:
    shipped = packaged()
    assert shipped.encoder_verifier is not None
    weights = shipped.encoder_verifier.encoder

    def judges_with(embedder: EncoderEmbedder | None, artefact: Artefact = shipped) -> HitJudges:
        made = JudgeMaker(ManualClock(), lambda artefact: embedder)(artefact)
        assert made is not None
        return made

    embedder = EncoderEmbedder(CountedEncoding(), WordPieces(small_vocabulary()), weights, 384, 0.06)
    judges = judges_with(embedder)
    assert judges.encoder is not None
    assert judges.encoder.name == f"{embedder.name} {judges.encoder.verifier.digest}" != judges.static.name
    other = EncoderEmbedder(CountedEncoding(), WordPieces(small_vocabulary()), "another", 384, 0.06)
    assert judges_with(other).encoder is None
    assert judges_with(None).encoder is None
    assert judges_with(embedder, replace(shipped, encoder_verifier=None)).encoder is None


def test_the_encoders_verifier_tells_other_words_from_another_question_by_the_encoders_cosine() -> None:
    shipped = packaged()
    assert shipped.encoder_verifier is not None
    verifier = TreeHitVerifier(shipped.encoder_verifier, shipped.static, "any")
    asked, again, other = map(
        verifier.read,
        (
            "How do I reset the password of my router?",
            "How can I reset my router's password?",
            "Is rain acid in 2024?",
        ),
    )
    same, far, different = verifier.judge(asked, (again, again, other), (0.97, 0.4, 0.1))
    assert same.probability > 0.5 > different.probability
    assert same.probability > far.probability


async def test_the_judge_of_the_shipped_model_tells_other_words_from_another_question() -> None:
    judges = JudgeMaker(ManualClock())(packaged())
    assert judges is not None
    judge = judges.static
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
