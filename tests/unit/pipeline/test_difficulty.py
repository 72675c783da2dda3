"""How hard a request is, told by the gateway itself: as the route's scorer has it, and as a request of its tenant."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.ability import ClassifierOutcome, Correction, Score, ScorerChoice, acceptance
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import TierName
from gateway.domain.outcome import Outcome
from gateway.domain.request import Operation
from tests.support.fake_inbound import FakeClient
from tests.support.gateways import (
    GUEST_KEY,
    KEYED,
    TEAM_KEY,
    TWO_TIERS,
    Books,
    FixedScorer,
    Gateway,
    answer_of,
    error_of,
)

FOUND = Score((0.3, -0.2), 0.9, "fixed", ClassifierOutcome.STATIC)
LEVELS = ["easy", "middling", "hard"]
ASKED: dict[str, Any] = {
    "model": "tiergate/auto",
    "state": "Prove that there are infinitely many primes.",
    "questions": {"difficulty": {"type": "score", "instructions": "How hard is this?", "criteria": LEVELS}},
}


async def ask(gateway: Gateway, body: dict[str, Any] = ASKED, key: bytes | None = None) -> FakeClient:
    """Ask how hard something is."""
    return await gateway.ask(body, key=key, operation=Operation.SYSTEMONE)


async def test_it_is_told_without_a_model_server_and_costs_nothing() -> None:
    gateway = Gateway(scorer=FixedScorer(FOUND))
    client = await ask(gateway)
    answer = answer_of(client)
    assert (client.responder.status, answer["model"]) == (200, "tiergate/auto")
    difficulty = answer["answers"]["difficulty"]
    assert difficulty["legend"] == dict(zip("012", LEVELS, strict=True))
    share = answer["tiergate"]["failing_share"]
    references = gateway.policy.snapshot.references
    assert share == pytest.approx(1.0 - sum(acceptance(each, FOUND) for each in references) / len(references))
    assert difficulty["score"] == pytest.approx(2 * share)
    assert sum(difficulty["probabilities"].values()) == pytest.approx(1.0)
    headers = client.responder.headers
    assert (headers[b"x-tiergate-cost-usd"], headers[b"x-tiergate-attempts"]) == (b"0.00", b"0")
    assert gateway.network.requests == []
    receipt = gateway.receipt
    assert (receipt.outcome, receipt.classifier, receipt.charge_usd_nano) == (
        Outcome.SUCCESS_SCORED,
        ClassifierOutcome.STATIC,
        0,
    )
    assert (receipt.operation, receipt.alias, receipt.route) == (Operation.SYSTEMONE, "tiergate/auto", "balanced")
    assert (receipt.times.lookup_ms, receipt.times.score_ms) == (0.0, 0.0)


async def test_the_scorer_is_the_routes_and_the_tiers_are_those_it_chooses_from() -> None:
    policy = TWO_TIERS.replace("{dial: 1000000,", "{dial: 1000000, scorer: static,")
    gateway = Gateway(policy, scorer=FixedScorer(FOUND))
    tiers = answer_of(await ask(gateway))["tiergate"]["tiers"]
    assert gateway.scorer.choices == [ScorerChoice.STATIC]
    for name, told in tiers.items():
        tier = gateway.policy.snapshot.tiers[TierName(name)]
        assert told["p"] == acceptance(tier.ability, FOUND)
        assert told["p_low"] < told["p"] < told["p_high"]
    assert list(tiers) == ["small", "large"]


async def test_an_alias_of_a_tier_is_scored_too() -> None:
    gateway = Gateway(scorer=FixedScorer(FOUND))
    answer = answer_of(await ask(gateway, {**ASKED, "model": "tiergate/small"}))
    assert list(answer["tiergate"]["tiers"]) == ["small"]
    assert gateway.scorer.asked == 1


async def test_what_labels_say_of_a_tier_is_told() -> None:
    plain = answer_of(await ask(Gateway(scorer=FixedScorer(FOUND))))["tiergate"]["tiers"]
    labelled = replace(FOUND, corrections=(Correction(TierName("small"), -1.0, 5.0),))
    moved = answer_of(await ask(Gateway(scorer=FixedScorer(labelled))))["tiergate"]["tiers"]
    assert moved["small"]["p"] < plain["small"]["p"]
    assert moved["large"] == plain["large"]


async def test_a_key_is_told_of_its_own_tiers_and_counted_like_any_request() -> None:
    gateway = Gateway(KEYED, scorer=FixedScorer(FOUND))
    for _ in range(2):
        assert list(answer_of(await ask(gateway, key=GUEST_KEY))["tiergate"]["tiers"]) == ["small"]
    refused = await ask(gateway, key=GUEST_KEY)
    assert (refused.responder.status, error_of(refused)["code"]) == (429, ErrorCode.RATE_LIMIT_EXCEEDED)
    assert gateway.receipt.outcome is Outcome.THROTTLED
    nobody = await ask(gateway)
    assert nobody.responder.status == 401


async def test_what_was_held_of_a_budget_is_nothing_and_is_given_back() -> None:
    books = Books()
    gateway = Gateway(KEYED, ledger=books, scorer=FixedScorer(FOUND))
    await ask(gateway, key=TEAM_KEY)
    assert [(hold.amount_usd_nano, hold.tokens) for hold in books.holds] == [(0, 0)]
    assert [each.charge_usd_nano for each in books.settlements] == [0]


@pytest.mark.parametrize(
    ("model", "key"), [("tiergate/gpt-9", TEAM_KEY), ("gpt-9", TEAM_KEY), ("tiergate/large", GUEST_KEY)]
)
async def test_an_alias_that_is_unknown_or_not_open_to_the_key_is_not_found(model: str, key: bytes) -> None:
    client = await ask(Gateway(KEYED), {**ASKED, "model": model}, key)
    assert (client.responder.status, error_of(client)["code"]) == (404, ErrorCode.MODEL_NOT_FOUND)


async def test_any_other_question_is_refused() -> None:
    gateway = Gateway()
    client = await ask(gateway, {**ASKED, "questions": {"urgent": {"type": "noul", "instructions": "?"}}})
    assert (client.responder.status, error_of(client)["param"]) == (400, "questions")
    assert gateway.scorer.asked == 0


async def test_an_alias_of_the_policy_comes_first() -> None:
    decider = TWO_TIERS.replace("supports: [tools]", "supports: [tools, systemone]", 1)
    gateway = Gateway(decider.replace("  auto: {route: balanced}", "  tiergate/auto: {route: balanced}"))
    client = await ask(gateway)
    assert client.responder.status == 200
    assert len(gateway.network.requests) == 1
