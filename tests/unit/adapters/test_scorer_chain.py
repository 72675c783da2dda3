"""The stages of the difficulty model: who is asked, and which outcome a score ends with."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from gateway.adapters.scorer_chain import ScorerChain
from gateway.adapters.scorer_turns import BUSY_S, Turns
from gateway.core.request_text import RequestText
from gateway.domain.ability import ClassifierOutcome, Score, ScorerChoice, unknown_score
from gateway.ports import Scorer
from tests.support.clocks import ManualClock
from tests.support.tiers import a_request

FOLDED = Score((1.0,), 0.5, "folded", ClassifierOutcome.FOLDED, (1.0,))
UNKNOWN = replace(unknown_score("folded"), spread=(1.0,))
REQUEST = a_request()


@dataclass
class First:
    """Finds every text alike."""

    found: Score = FOLDED

    def score_of(self, text: RequestText) -> Score:
        return self.found


@dataclass
class Static:
    """Betters a score at once."""

    spread: tuple[float, ...] = (0.5,)
    familiarity: float = 0.8
    asked: list[Score] = field(default_factory=list)

    def score(self, text: RequestText, before: Score) -> Score:
        self.asked.append(before)
        return Score((2.0,), self.familiarity, "static", ClassifierOutcome.STATIC, self.spread, (), b"place")

    def settle(self, text: RequestText, score: Score) -> Score:
        return replace(score, latent=(score.latent[0] + 0.25,))


@dataclass
class Last:
    """Betters a score, or does not come to it."""

    outcome: ClassifierOutcome
    familiarity: float = 1.0
    asked: list[Score] = field(default_factory=list)

    async def refine(self, text: RequestText, former: Score) -> Score:
        self.asked.append(former)
        if self.outcome in (ClassifierOutcome.TIMEOUT, ClassifierOutcome.OVERLOAD, ClassifierOutcome.ERROR):
            return replace(former, outcome=self.outcome)
        return Score((3.0,), self.familiarity, "last", self.outcome)


def answers(*values: bool) -> Callable[[Score], bool]:
    """Return an `asks` that gives these answers in turn, and refuses to be asked again."""
    left = list(values)
    return lambda score: left.pop(0)


def never(score: Score) -> bool:
    """Refuse to be asked."""
    raise AssertionError("nobody may ask whether the decision is open")


async def ask(scorer: Scorer, choice: ScorerChoice, asks: Callable[[Score], bool] = never) -> Score:
    return await scorer.score(REQUEST, choice, asks)


async def test_the_folded_stage_alone_asks_nobody() -> None:
    alone = ScorerChain(First(replace(FOLDED, spread=())))
    assert (await ask(alone, ScorerChoice.AUTO)).outcome is ClassifierOutcome.FOLDED
    full = ScorerChain(First(), static=Static(), encoder=Last(ClassifierOutcome.ENCODER))
    assert await ask(full, ScorerChoice.FOLDED) is FOLDED


@pytest.mark.parametrize(
    ("asks", "outcome", "latent"),
    [
        (answers(False), ClassifierOutcome.FOLDED, 1.0),
        (answers(True, False), ClassifierOutcome.STATIC, 2.0),
        (answers(True, True), ClassifierOutcome.ENCODER, 3.25),
    ],
)
async def test_each_stage_is_asked_only_while_the_decision_is_open(
    asks: Callable[[Score], bool], outcome: ClassifierOutcome, latent: float
) -> None:
    static, encoder = Static(), Last(ClassifierOutcome.ENCODER)
    score = await ask(ScorerChain(First(), static=static, encoder=encoder), ScorerChoice.AUTO, asks)
    assert (score.outcome, score.latent) == (outcome, (latent,))
    assert len(static.asked) == (latent > 1.0)
    assert len(encoder.asked) == (latent > 2.0)


async def test_stages_that_are_missing_are_passed_over() -> None:
    only_static = ScorerChain(First(), static=Static(spread=()))
    assert (await ask(only_static, ScorerChoice.AUTO, answers(True))).outcome is ClassifierOutcome.STATIC
    open_end = ScorerChain(First(), static=Static())
    assert (await ask(open_end, ScorerChoice.AUTO, answers(True, True))).outcome is ClassifierOutcome.STATIC
    only_encoder = ScorerChain(First(), encoder=Last(ClassifierOutcome.ENCODER_CPU))
    assert (await ask(only_encoder, ScorerChoice.AUTO, answers(True))).outcome is ClassifierOutcome.ENCODER_CPU
    only_remote = ScorerChain(First(), remote=Last(ClassifierOutcome.REMOTE))
    assert (await ask(only_remote, ScorerChoice.AUTO, answers(True))).outcome is ClassifierOutcome.REMOTE


async def test_a_flood_is_scored_over_several_turns_of_the_event_loop() -> None:
    clock = ManualClock()

    class Slow(First):
        def score_of(self, text: RequestText) -> Score:
            clock.advance(2 * BUSY_S)
            return FOLDED

    chain = ScorerChain(Slow(), turns=Turns(clock))
    flood = [asyncio.create_task(chain.score(REQUEST, ScorerChoice.FOLDED, never)) for _ in range(3)]
    await asyncio.sleep(0)
    assert [task.done() for task in flood] == [True, False, False]
    assert [score.outcome for score in await asyncio.gather(*flood)] == [ClassifierOutcome.FOLDED] * 3


async def test_the_encoder_at_hand_comes_before_the_remote_one() -> None:
    remote = Last(ClassifierOutcome.REMOTE)
    chain = ScorerChain(First(), encoder=Last(ClassifierOutcome.ENCODER), remote=remote)
    assert (await ask(chain, ScorerChoice.AUTO, answers(True))).outcome is ClassifierOutcome.ENCODER
    assert not remote.asked
    assert (await ask(chain, ScorerChoice.REMOTE)).outcome is ClassifierOutcome.REMOTE


@pytest.mark.parametrize("failure", [ClassifierOutcome.TIMEOUT, ClassifierOutcome.OVERLOAD, ClassifierOutcome.ERROR])
async def test_a_stage_that_fails_leaves_the_best_score_there_is_and_says_so(failure: ClassifierOutcome) -> None:
    static = Static()
    chain = ScorerChain(First(), static=static, encoder=Last(failure))
    score = await ask(chain, ScorerChoice.AUTO, answers(True, True))
    assert (score.outcome, score.scorer) == (failure, "static")
    score = await ask(chain, ScorerChoice.ENCODER)
    assert (score.outcome, score.scorer) == (failure, "static")
    score = await ask(ScorerChain(First(), encoder=Last(failure)), ScorerChoice.ENCODER)
    assert (score.outcome, score.scorer) == (failure, "folded")


async def test_a_route_that_insists_on_a_stage_passes_over_those_before() -> None:
    static = Static()
    chain = ScorerChain(First(), static=static, encoder=Last(ClassifierOutcome.ENCODER))
    assert (await ask(chain, ScorerChoice.ENCODER)).latent == (3.25,)
    assert not static.asked
    assert (await ask(chain, ScorerChoice.STATIC)).latent == (2.0,)


@pytest.mark.parametrize("choice", [ScorerChoice.STATIC, ScorerChoice.ENCODER, ScorerChoice.REMOTE])
async def test_a_stage_that_is_insisted_on_and_missing_is_an_error(choice: ScorerChoice) -> None:
    score = await ask(ScorerChain(First()), choice)
    assert score == replace(FOLDED, outcome=ClassifierOutcome.ERROR)


@pytest.mark.parametrize("choice", list(ScorerChoice))
async def test_what_no_stage_knows_is_an_abstention(choice: ScorerChoice) -> None:
    chain = ScorerChain(
        First(UNKNOWN),
        static=Static(familiarity=0.0),
        encoder=Last(ClassifierOutcome.ENCODER, familiarity=0.0),
        remote=Last(ClassifierOutcome.REMOTE, familiarity=0.0),
        systemone=Last(ClassifierOutcome.SYSTEMONE, familiarity=0.0),
    )
    assert (await ask(chain, choice, answers(True, True))).outcome is ClassifierOutcome.ABSTAIN


async def test_what_one_stage_does_not_know_another_may() -> None:
    chain = ScorerChain(First(UNKNOWN), static=Static())
    assert (await ask(chain, ScorerChoice.AUTO, answers(True, True))).outcome is ClassifierOutcome.STATIC


async def test_a_stage_that_could_not_answer_is_no_abstention() -> None:
    chain = ScorerChain(First(UNKNOWN), encoder=Last(ClassifierOutcome.OVERLOAD))
    assert (await ask(chain, ScorerChoice.AUTO, answers(True))).outcome is ClassifierOutcome.OVERLOAD


async def test_a_decision_model_is_asked_where_a_route_insists_and_never_settled() -> None:
    decider, static = Last(ClassifierOutcome.SYSTEMONE), Static()
    chain = ScorerChain(First(), static=static, systemone=decider)
    score = await ask(chain, ScorerChoice.SYSTEMONE)
    assert (score.latent, score.outcome, score.embedding) == ((3.0,), ClassifierOutcome.SYSTEMONE, b"place")
    assert decider.asked == [FOLDED]
    alone = await ask(ScorerChain(First(), systemone=decider), ScorerChoice.SYSTEMONE)
    assert (alone.latent, alone.embedding) == ((3.0,), b"")
    # It tells one number, so where stages ask each other it is not asked.
    assert (await ask(chain, ScorerChoice.AUTO, answers(True, True))).outcome is ClassifierOutcome.STATIC


@pytest.mark.parametrize("outcome", [ClassifierOutcome.TIMEOUT, ClassifierOutcome.OVERLOAD, ClassifierOutcome.ERROR])
async def test_where_a_decision_model_does_not_answer_the_static_stage_scores(outcome: ClassifierOutcome) -> None:
    chain = ScorerChain(First(), static=Static(), systemone=Last(outcome))
    score = await ask(chain, ScorerChoice.SYSTEMONE)
    assert (score.latent, score.outcome) == ((2.0,), outcome)
    bare = await ask(ScorerChain(First(), systemone=Last(outcome)), ScorerChoice.SYSTEMONE)
    assert (bare.latent, bare.outcome) == (FOLDED.latent, outcome)
    missing = await ask(ScorerChain(First(), static=Static()), ScorerChoice.SYSTEMONE)
    assert (missing.latent, missing.outcome) == ((2.0,), ClassifierOutcome.ERROR)
