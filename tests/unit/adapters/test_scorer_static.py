"""The static stage with the packaged model; that it equals what was trained is tested beside the training."""

import numpy as np
import pytest

from gateway.adapters.scorer_folded import FoldedScorer
from gateway.adapters.scorer_static import StaticScorer
from gateway.core.request_text import RequestText
from gateway.domain.ability import ClassifierOutcome
from tests.support.artefacts import packaged

ARTEFACT = packaged()
FOLDED = FoldedScorer(ARTEFACT.table, ARTEFACT.table.adds)
STATIC = StaticScorer(ARTEFACT.static, ARTEFACT.table)
EASY = "What is the capital of France?"
HARD = "Prove that every finite group of prime order is cyclic, and describe its automorphism group."


def test_it_keeps_what_the_stage_before_knew_and_says_who_it_is() -> None:
    before = FOLDED.score_text(HARD)
    score = STATIC.score(RequestText(HARD), before)
    assert score.outcome is ClassifierOutcome.STATIC
    assert score.familiarity == before.familiarity
    assert len(score.latent) == len(before.latent)
    assert score.spread == ()
    assert score.latent != before.latent


def test_its_embedding_is_of_length_one_and_near_for_near_texts() -> None:
    def vector(text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        score = STATIC.score(RequestText(text), FOLDED.score_text(text))
        return np.frombuffer(score.embedding, np.int8) / 127

    france, italy, groups = vector(EASY), vector("What is the capital of Italy?"), vector(HARD)
    assert float(france @ france) == pytest.approx(1.0, abs=0.02)
    assert float(france @ italy) > float(france @ groups) + 0.2


def test_a_text_of_any_length_is_read_at_its_ends_alone() -> None:
    long = "Answer the question below.\n" + "lorem ipsum dolor " * 5_000 + HARD
    longer = "Answer the question below.\n" + "lorem ipsum dolor " * 6_000 + HARD
    first, second = (STATIC.score(RequestText(text), FOLDED.score_text(text)) for text in (long, longer))
    assert first.embedding == second.embedding
