"""The encoder of another server as a stage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.adapters.oip_encoder import RemoteEncoder
from gateway.adapters.oip_model import FAMILIARITY, Tensor
from gateway.adapters.remote_asking import RemoteLimits
from gateway.adapters.scorer_chain import WaitingStage
from gateway.adapters.scorer_remote import RemoteScorer
from gateway.core.encoder_text import encoder_ids
from gateway.core.folded import TURN_DISCOUNT
from gateway.core.request_text import RequestText
from gateway.core.wordpiece import WordPieces
from gateway.domain.ability import ClassifierOutcome, Score
from gateway.domain.remote_model import RemoteModel
from tests.support.clocks import ManualClock
from tests.support.inference_servers import MODEL, OURS, WIDTH, FakeInference, InferenceScript
from tests.support.vocabularies import small_vocabulary

FORMER = Score((1.0, 2.0, 3.0), 0.5, "static-1", ClassifierOutcome.STATIC, (0.1, 0.1, 0.1))
TELLS = replace(OURS, outputs=(*OURS.outputs, Tensor(FAMILIARITY, "FP32", (-1, 1))))
PIECES = WordPieces(small_vocabulary())
TOKENS = 16


@asynccontextmanager
async def stage(script: InferenceScript) -> AsyncIterator[WaitingStage]:
    """Make the stage over a fake server; close it at the end."""
    remote = RemoteModel("http://scripted:8000", "http", MODEL)
    encoder = RemoteEncoder(
        FakeInference(script, remote),
        remote,
        width=WIDTH,
        clock=ManualClock(),
        chance=lambda: 0.0,
        note=lambda text: None,
        limits=RemoteLimits(deadline_s=30.0),
        served=script.served,
    )
    scorer = RemoteScorer(encoder, PIECES, tokens=TOKENS, name="remote-1")
    try:
        yield scorer
    finally:
        await scorer.aclose()


@pytest.mark.parametrize(("turns", "discount"), [(1, 1.0), (3, TURN_DISCOUNT**2)])
async def test_the_score_is_the_servers_and_carries_the_embedding(turns: int, discount: float) -> None:
    script = InferenceScript(served=TELLS)
    async with stage(script) as scorer:
        score = await scorer.refine(RequestText("the token of", turns=turns), FORMER)
    (asked,) = script.asked
    row = encoder_ids(PIECES, "the token of", "", TOKENS)
    assert asked.ids[: sum(asked.mask)] == row
    assert score.latent == (float(sum(row)), float(len(row)), 0.5)
    assert score.familiarity == pytest.approx(0.75 * discount)
    assert (score.outcome, score.scorer, score.spread) == (ClassifierOutcome.REMOTE, "remote-1", ())
    assert len(score.embedding) == 384


async def test_without_a_word_of_its_own_the_server_is_believed_as_far_as_the_stage_before() -> None:
    async with stage(InferenceScript()) as scorer:
        score = await scorer.refine(RequestText("the token of"), FORMER)
    assert score.familiarity == FORMER.familiarity


async def test_no_text_is_not_asked_about() -> None:
    script = InferenceScript()
    async with stage(script) as scorer:
        assert await scorer.refine(RequestText(""), FORMER) == FORMER
    assert script.asked == []


@pytest.mark.parametrize(
    ("trouble", "outcome"),
    [
        ("full", ClassifierOutcome.OVERLOAD),
        ("late", ClassifierOutcome.TIMEOUT),
        ("broken", ClassifierOutcome.ERROR),
    ],
)
async def test_what_goes_wrong_leaves_the_former_score(trouble: str, outcome: ClassifierOutcome) -> None:
    async with stage(InferenceScript(trouble=trouble)) as scorer:
        score = await scorer.refine(RequestText("the token of"), FORMER)
    assert score == replace(FORMER, outcome=outcome)
