"""The encoder as a stage."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.adapters.encoder_batches import EncoderBatches, Lane, Watch
from gateway.adapters.encoder_recent import RecentTexts
from gateway.adapters.scorer_chain import WaitingStage
from gateway.adapters.scorer_encoder import EncoderScorer
from gateway.core.batching import BatchRules
from gateway.core.folded import TURN_DISCOUNT
from gateway.core.request_text import RequestText
from gateway.core.wordpiece import WordPieces
from gateway.domain.ability import ClassifierOutcome, Score
from tests.support.clocks import ManualClock
from tests.support.toy_encoders import CountedEncoding, HandTimers, HeldAside, ScriptedModel, breathe
from tests.support.vocabularies import small_vocabulary

FORMER = Score((1.0, 1.0), 0.5, "folded", spread=(1.0, 1.0))
RULES = BatchRules(window_s=0.0, queue=1, batch=1, deadline_s=0.02)


class Bench:
    """The stage over a scripted model."""

    def __init__(self, model: ScriptedModel) -> None:
        clock = ManualClock()
        self.aside, self.timers = HeldAside(), HandTimers(clock)
        self.batches = EncoderBatches(
            Lane(model, RULES, 16, ClassifierOutcome.ENCODER),
            padding=0,
            aside=self.aside,
            clock=clock,
            call_later=self.timers,
            watch=Watch(_ignore, _ignore, _ignore),
        )
        self.stage: WaitingStage = EncoderScorer(self.batches, WordPieces(small_vocabulary()), "toy-1")

    async def refine(self, text: str, *, turns: int = 1, then: Callable[[], None] | None = None) -> Score:
        asking = asyncio.create_task(self.stage.refine(RequestText(text, turns=turns), FORMER))
        await breathe()
        if then is not None:
            then()
        if self.aside.waiting:
            await self.aside.let_go()
        return await asking


def _ignore(what: object) -> None:
    """Nobody watches."""


@pytest.mark.parametrize(("turns", "discount"), [(1, 1.0), (3, TURN_DISCOUNT**2)])
async def test_the_score_is_the_encoders_and_carries_the_embedding(turns: int, discount: float) -> None:
    score = await Bench(ScriptedModel(familiarity=0.75)).refine("the token of", turns=turns)
    assert score.latent == (5.0, -5.0)
    assert score.familiarity == pytest.approx(0.75 * discount)
    assert (score.scorer, score.outcome, score.spread) == ("toy-1", ClassifierOutcome.ENCODER, ())
    assert score.embedding == bytes((127, 0, 129))


async def test_an_encoder_that_does_not_tell_what_it_knows_is_believed_as_the_stage_before() -> None:
    assert (await Bench(ScriptedModel()).refine("the token")).familiarity == FORMER.familiarity


async def test_a_text_that_would_be_refused_is_not_cut_into_words() -> None:
    encoding = RecentTexts(CountedEncoding(is_full=True))
    text = RequestText("the token")
    score = await EncoderScorer(encoding, WordPieces(small_vocabulary()), "toy-1").refine(text, FORMER)
    assert (score.outcome, score.latent) == (ClassifierOutcome.OVERLOAD, FORMER.latent)
    assert text._essence is None


async def test_no_more_is_read_than_the_encoder_takes() -> None:
    assert (await Bench(ScriptedModel()).refine(" ".join(f"the x{n}" for n in range(50)))).latent[0] == 16.0


async def test_of_no_text_the_former_score_stands() -> None:
    assert await Bench(ScriptedModel()).refine(" ") is FORMER


async def test_what_goes_wrong_is_the_outcome_of_the_former_score() -> None:
    bench = Bench(ScriptedModel(fails=True))
    assert await bench.refine("the") == replace(FORMER, outcome=ClassifierOutcome.ERROR)
    await bench.batches.aclose()
    assert await bench.refine("the") == replace(FORMER, outcome=ClassifierOutcome.ERROR)
