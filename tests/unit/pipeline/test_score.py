"""When the difficulty model is asked, and that its silence is an answer."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.domain.ability import ClassifierOutcome, Score, ScorerChoice, unknown_score
from gateway.domain.request import CanonicalRequest
from tests.support.gateways import CHAT, GUEST_KEY, KEYED, MIDDLING, TWO_TIERS, FixedScorer, Gateway

OPEN = replace(MIDDLING, spread=(10.0, 10.0))
"""A score that a next stage might move far."""
EVEN = TWO_TIERS.replace("dial: 1000000", "dial: 44")
"""At such a dial the tiers are worth nearly the same to a request of middling difficulty."""


async def test_an_alias_of_a_tier_is_not_scored() -> None:
    gateway = Gateway()
    client = await gateway.ask({**CHAT, "model": "large"})
    assert client.responder.headers[b"x-tiergate-tier"] == b"large"
    assert gateway.scorer.asked == 0
    assert gateway.receipt.decision is not None
    assert gateway.receipt.decision.reason == "pinned_by_alias"
    assert gateway.receipt.classifier is ClassifierOutcome.NOT_ASKED


async def test_a_difficulty_model_that_cannot_tell_leaves_the_choice_to_what_is_known_of_the_tiers() -> None:
    class Unsure:
        async def score(self, request: CanonicalRequest, choice: ScorerChoice, asks: Callable[[Score], bool]) -> Score:
            return unknown_score("unsure")

    gateway = Gateway(scorer=Unsure())
    client = await gateway.ask(CHAT)
    assert client.responder.status == 200
    assert gateway.receipt.decision is not None
    assert not gateway.receipt.decision.score.is_known
    assert [view.p for view in gateway.receipt.decision.views] == [0.55, 0.80]
    assert gateway.receipt.classifier is ClassifierOutcome.ABSTAIN


@pytest.mark.parametrize(
    ("policy", "found", "is_open"),
    [
        (EVEN, OPEN, True),
        (EVEN, MIDDLING, False),
        (TWO_TIERS, OPEN, False),
    ],
)
async def test_a_scorer_is_told_whether_its_score_leaves_the_choice_open(
    policy: str, found: Score, is_open: bool
) -> None:
    gateway = Gateway(policy, scorer=FixedScorer(found))
    await gateway.ask(CHAT)
    assert gateway.scorer.is_open == [is_open]
    assert gateway.scorer.choices == [ScorerChoice.AUTO]
    assert gateway.receipt.classifier is ClassifierOutcome.FOLDED


async def test_tiers_that_cannot_take_the_request_leave_nothing_open() -> None:
    keyed = EVEN + KEYED.removeprefix(TWO_TIERS)
    gateway = Gateway(keyed, scorer=FixedScorer(OPEN))
    await gateway.ask(CHAT, key=GUEST_KEY)
    assert gateway.scorer.is_open == [False]


async def test_the_outcome_of_scoring_is_kept_where_no_decision_came_of_it() -> None:
    gateway = Gateway()
    client = await gateway.ask({**CHAT, "max_tokens": 10**9})
    assert client.responder.status == 400
    assert gateway.receipt.decision is None
    assert gateway.receipt.classifier is ClassifierOutcome.FOLDED


async def test_a_request_that_is_not_scored_has_no_outcome_of_it() -> None:
    gateway = Gateway()
    await gateway.ask(b"{")
    assert gateway.receipt.classifier is None
