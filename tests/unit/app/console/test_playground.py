"""Where a prompt would go, and what the dial does."""

from dataclasses import replace

import pytest

from gateway.app.console.playground import POINTS, close_call, curve_document, question_of, routes_with_a_dial, told
from gateway.app.policy_reading import compiler
from gateway.core.routing import flips
from gateway.domain.decision import ReasonCode
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.request import Need
from gateway.domain.tier import Secret
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.source import PolicySource
from tests.support.consoles import ARTEFACT
from tests.support.receipt_samples import a_receipt

POLICY = """\
version: 1
tiers:
  small: {model: s, price: {input: 0.02, output: 0.04}, context: 32k, ability: {like: mixtral-8x7b-instruct-v0.1},
          supports: [tools], endpoints: [{url: "http://127.0.0.1:8001/v1"}]}
  large: {model: l, price: {input: 2.5, output: 10}, context: 128k, ability: {like: gpt-4o},
          endpoints: [{url: "http://127.0.0.1:8002/v1"}]}
models: {auto: {route: balanced}, small: {tier: small}}
routes: {balanced: {quality: 85%}}
"""


def _compiled(text: str) -> PolicySnapshot:
    snapshot = compiler(ARTEFACT, Secret)(PolicySource("policies/p.yaml", text))
    assert isinstance(snapshot, PolicySnapshot), snapshot
    return snapshot


SNAPSHOT = _compiled(POLICY)
FORM = {"prompt": "What is the capital of France?", "model": "auto"}


def test_a_prompt_goes_somewhere_for_a_reason() -> None:
    said = told(question_of(FORM), SNAPSHOT, ARTEFACT)
    assert "It would go to <strong>" in said
    assert "the largest p − λ·cost" in said
    assert "by route balanced" in said


def test_a_close_call_is_said_to_be_one() -> None:
    decision = a_receipt().decision
    assert decision is not None
    chosen, other = decision.views
    (flip,) = flips(decision)
    near, far = (replace(decision, views=(chosen, replace(other, p=flip.p_needed - by))) for by in (0.02, 0.2))
    assert close_call(near) == " A close call: 0.020 of p decides it."
    assert close_call(far) == ""
    assert close_call(replace(near, reason=ReasonCode.PINNED_BY_ALIAS)) == ""


def test_a_prompt_that_nothing_can_take_is_refused_with_the_reason() -> None:
    said = told(question_of({**FORM, "vision": "1"}), SNAPSHOT, ARTEFACT)
    assert "Refused: no able tier" in said


def test_a_model_that_does_not_exist_is_refused() -> None:
    said = told(question_of({**FORM, "model": "none"}), SNAPSHOT, ARTEFACT)
    assert "Refused: model not found" in said


def test_a_form_becomes_a_question() -> None:
    asked = question_of({**FORM, "tools": "1", "json_schema": "1", "max_tokens": "40", "tenant": "team"})
    assert (asked.needs, asked.max_tokens, asked.tenant) == (Need.TOOLS | Need.JSON_SCHEMA, 40, "team")
    plain = question_of({**FORM, "max_tokens": "", "tenant": ""})
    assert (plain.needs, plain.max_tokens, plain.tenant) == (Need.NONE, None, None)


@pytest.mark.parametrize("length", ["0", "-1", "many", "٣", "1.5"])
def test_an_answer_s_length_is_a_whole_number(length: str) -> None:
    with pytest.raises(GatewayError, match="whole number of tokens"):
        question_of({**FORM, "max_tokens": length})


def test_a_curve_falls_in_cost_as_it_falls_in_quality() -> None:
    document = curve_document("balanced", SNAPSHOT, ARTEFACT)
    points = document["points"]
    assert 10 < len(points) <= POINTS
    costs = [point["cost"] for point in points]
    assert costs == sorted(costs, reverse=True)
    assert points[0]["quality"] > points[-1]["quality"]
    assert all(abs(sum(point["shares"]) - 1.0) < 1e-9 for point in points)
    assert document["now"]["dial"] == SNAPSHOT.routes[next(iter(SNAPSHOT.routes))].dial.value
    assert document["asked_quality"] == 0.85


@pytest.mark.parametrize("route", ["none", "tier:small"])
def test_where_there_is_nothing_to_choose_there_is_no_curve(route: str) -> None:
    with pytest.raises(GatewayError) as refused:
        curve_document(route, SNAPSHOT, ARTEFACT)
    assert refused.value.code is ErrorCode.NOT_FOUND
    assert [each.name for each in routes_with_a_dial(SNAPSHOT)] == ["balanced"]
