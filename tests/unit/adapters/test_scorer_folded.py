"""The folded scorer, on the artefact that ships."""

import subprocess
import sys
from dataclasses import replace

import pytest

from gateway.adapters.scorer_folded import FoldedScorer
from gateway.domain.ability import ClassifierOutcome, Score, ScorerChoice, acceptance
from gateway.ports import Scorer
from tests.support.artefacts import packaged
from tests.support.tiers import a_request

EASY = "What colour is a clear sky at noon? Answer in one word."
HARD = (
    "Let $p$ be an odd prime and $G$ a group of order $p^4$. Determine the number of isomorphism classes of such "
    "groups whose centre has order $p^2$, and express the answer in closed form as $\\boxed{\\frac{a}{b}}$."
)


@pytest.fixture(scope="module")
def scorer() -> FoldedScorer:
    return FoldedScorer(packaged().table)


def test_an_easy_question_is_more_likely_answered_well_than_a_hard_one(scorer: FoldedScorer) -> None:
    ability = packaged().catalogue.references["llama-3.1-8b-instruct"]
    assert acceptance(ability, scorer.score_text(EASY)) > acceptance(ability, scorer.score_text(HARD)) + 0.1


@pytest.mark.parametrize("text", ["", "  \n ", "⁂⸺", "请解释量子力学的基本原理", "Напиши стих про александра"])
def test_what_the_model_has_not_seen_is_unknown(scorer: FoldedScorer, text: str) -> None:
    score = scorer.score_text(text)
    assert not score.is_known
    assert score.latent == ()
    assert score.scorer == "difficulty-3"
    assert score.outcome is ClassifierOutcome.ABSTAIN


def test_half_known_words_are_half_familiar(scorer: FoldedScorer) -> None:
    score = scorer.score_text("the capital of zzqx wvvk qqqz france is which city flrbb")
    assert 0.0 < score.familiarity < 1.0


def test_repeating_and_shuffling_words_hardly_moves_the_score(scorer: FoldedScorer) -> None:
    plain = scorer.score_text("which of the following gases is heaviest")
    shuffled = scorer.score_text("heaviest is gases following the of which")
    assert plain.latent == pytest.approx(shuffled.latent, abs=1e-5)


def test_a_short_turn_is_scored_with_what_it_leans_on(scorer: FoldedScorer) -> None:
    assert scorer.score_text("and why?", HARD).latent != scorer.score_text("and why?").latent


def test_further_turns_lower_familiarity(scorer: FoldedScorer) -> None:
    assert scorer.score_text(EASY, "", 6).familiarity < scorer.score_text(EASY).familiarity


async def test_a_request_is_scored_by_its_texts_and_turns(scorer: FoldedScorer) -> None:
    port: Scorer = scorer
    request = replace(a_request(), user_text="and why?", context_text=HARD, turns=3)
    score = await port.score(request, ScorerChoice.AUTO, refuse_to_tell)
    assert score == scorer.score_text("and why?", HARD, 3)
    assert score.outcome is ClassifierOutcome.FOLDED


def refuse_to_tell(score: Score) -> bool:
    """Stand for the question whether a decision is open, where nobody may ask it."""
    raise AssertionError("no better stage follows, so nothing is to be asked")


def test_a_score_tells_what_the_next_stage_would_add_unless_there_is_nothing_to_read() -> None:
    spread = (0.5,) * 8
    scorer = FoldedScorer(packaged().table, spread)
    assert scorer.score_text(EASY).spread == spread
    assert scorer.score_text("请解释量子力学的基本原理").spread == spread
    assert scorer.score_text(" ").spread == ()


def test_serving_the_model_loads_no_training_stack() -> None:
    code = (
        "import sys; import gateway.adapters.scorer_folded; "
        "print(*({'sklearn', 'scipy', 'torch', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
