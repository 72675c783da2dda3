from dataclasses import replace

import pytest

from gateway.app.explain_prompt import Answer, Question, answer, body_of
from gateway.app.policy_reading import read_artefact
from gateway.domain.decision import ReasonCode
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import ModelAlias, TierName
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Need, Operation
from gateway.wire.openai_request import canonicalise
from tests.unit.policy.worlds import GOOD, MINIMAL, snapshot_of

ARTEFACT = read_artefact(None)
HELLO = Question("What is the capital of France?", ModelAlias("auto"))


def test_a_prompt_is_scored_and_decided_as_the_gateway_would() -> None:
    # The small world's abilities have two loadings, the real model more: a policy of one tier asks for no score.
    found = asked(replace(HELLO, model=ModelAlias("small")))
    assert found.decision is not None
    assert found.decision.reason is ReasonCode.PINNED_BY_ALIAS
    assert found.decision.ladder == ("small",)
    assert found.request.input_tokens > 5


def asked(question: Question, text: str = GOOD) -> Answer:
    return answer(question, snapshot_of(text), ARTEFACT)


def test_a_body_states_what_was_asked_for() -> None:
    question = Question("Hi", ModelAlias("auto"), "Be brief", 7, Need.TOOLS | Need.VISION | Need.JSON_SCHEMA)
    request = canonicalise(Operation.CHAT, body_of(question), EdgeLimits())
    assert request.needs == question.needs
    assert request.max_output_tokens == 7
    assert request.user_text == "Hi"
    assert canonicalise(Operation.CHAT, body_of(HELLO), EdgeLimits()).needs is Need.NONE


def test_a_tier_can_be_named_as_in_the_header() -> None:
    found = asked(replace(HELLO, tier=TierName("large"), tenant="search"))
    assert found.decision is not None
    assert found.decision.reason is ReasonCode.PINNED_BY_HEADER


def test_a_refusal_is_an_answer_too() -> None:
    found = asked(replace(HELLO, model=ModelAlias("small"), needs=Need.VISION))
    assert found.decision is None
    assert found.refusal is not None
    assert found.refusal.code is ErrorCode.NO_ABLE_TIER


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (replace(HELLO, model=ModelAlias("none")), "does not exist here"),
        (replace(HELLO, tenant="nobody"), "no tenant 'nobody'. Known: search, batch"),
        (replace(HELLO, tier=TierName("none")), "no tier 'none'. Known: small, large, embed"),
        (replace(HELLO, tier=TierName("large"), tenant="batch"), "tenants.batch.allow.pin_tier"),
        (replace(HELLO, model=ModelAlias("gpt-4o"), tenant="search"), "this key may not use it"),
    ],
)
def test_what_cannot_be_asked_is_said_so(question: Question, message: str) -> None:
    with pytest.raises(GatewayError, match=message):
        asked(question)


def test_a_policy_without_tenants_says_that_it_has_none() -> None:
    with pytest.raises(GatewayError, match="the policy declares no tenants"):
        asked(replace(HELLO, tenant="search"), MINIMAL)


def test_a_tier_that_is_closed_to_batch_requests_is_told() -> None:
    text = GOOD.replace("  small:\n    model", "  small:\n    lanes: [interactive]\n    model")
    with pytest.raises(GatewayError, match="the tier small takes no batch requests"):
        asked(replace(HELLO, model=ModelAlias("small"), is_batch=True), text)
    assert asked(replace(HELLO, model=ModelAlias("small")), text).decision is not None
