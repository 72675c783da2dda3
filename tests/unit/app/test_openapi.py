"""The description of the API says what is served, no more and no less."""

import json
import re
from dataclasses import fields, replace
from typing import Any

import jsonschema_rs
import pytest
from starlette.routing import Route

from gateway.app.cache_routes import cache_routes
from gateway.app.cold_routes import OPENAPI, cold_routes
from gateway.app.door import HOT_ROUTES
from gateway.app.message_routes import message_routes
from gateway.app.policy_in_force import PolicyInForce
from gateway.app.receipt_document import tell_receipt
from gateway.domain.ability import ClassifierOutcome
from gateway.domain.conversation import Verdict
from gateway.domain.decision import ReasonCode
from gateway.domain.dial import Certificate
from gateway.domain.errors import ERRORS, ErrorCode
from gateway.domain.outcome import FailureKind, NoRetry, Outcome
from gateway.domain.receipt import Receipt
from gateway.domain.semantic import SemanticBar, SemanticEnd
from gateway.domain.trace import Trace
from gateway.domain.usage import UsageSource
from gateway.pipeline.attempt import _CLIENT_AT_FAULT
from gateway.pipeline.learn import Opinions
from gateway.pipeline.report import CacheReports
from gateway.policy.source import PolicySource
from gateway.wire.headers import (
    ATTEMPTS_HEADER,
    BATCH_HEADER,
    CACHE_AGE_HEADER,
    CACHE_ENTRY_HEADER,
    CACHE_HEADER,
    CACHE_SCORE_HEADER,
    COST_HEADER,
    MODEL_HEADER,
    REQUEST_ID_HEADER,
    SNAPSHOT_HEADER,
    TIER_HEADER,
)
from gateway.wire.messages.errors import error_type
from tests.support.gateways import Gateway
from tests.support.receipt_samples import A_NEAR_MISS, A_NOTE, a_receipt, an_attempt

DOCUMENT: dict[str, Any] = json.loads(OPENAPI.read_bytes())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    """Return every described operation by path and method."""
    return {
        (path, method.upper()): operation
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


async def nothing() -> str:
    """Tell no metrics."""
    return ""


def told(path: str) -> str:
    """Return a route's path as the description has it, which knows no converters."""
    return re.sub(r":\w+}", "}", path)


def served() -> set[tuple[str, str]]:
    """Return every route by path and method; HEAD comes with GET."""
    world = Gateway().world
    policy = PolicyInForce(world.policy.snapshot, PolicySource("policy.yaml", b""), lambda _: [], may_open=True)
    routes = [*cold_routes(world, policy, nothing, Opinions(world)), *cache_routes(world, CacheReports(world), list)]
    routes += message_routes(world)
    cold = [route for route in routes if isinstance(route, Route)]
    hot = {(path.decode(), "POST") for path in HOT_ROUTES}
    return hot | {(told(route.path), method) for route in cold for method in route.methods or () if method != "HEAD"}


def error_statuses(operation: dict[str, Any]) -> set[int]:
    """Return the statuses of an operation that are errors."""
    return {int(status) for status in operation["responses"] if status != "200"}


def test_every_route_is_described_and_every_description_is_a_route() -> None:
    assert operations().keys() == served()


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(names) == len(set(names))


def test_the_error_codes_are_the_closed_list() -> None:
    assert SCHEMAS["ErrorCode"]["enum"] == [code.value for code in ErrorCode]
    types = SCHEMAS["Error"]["properties"]["error"]["properties"]["type"]["enum"]
    assert set(types) == {terms.type for terms in ERRORS.values()}
    types = SCHEMAS["MessagesError"]["properties"]["error"]["properties"]["type"]["enum"]
    assert set(types) == {error_type(terms.status) for terms in ERRORS.values()} | {error_type(409)}


def test_generating_operations_describe_every_status_that_there_is() -> None:
    every = {terms.status for terms in ERRORS.values()} | _CLIENT_AT_FAULT
    for operation in operations().values():
        if operation["tags"] == ["generate"]:
            assert error_statuses(operation) == every
        else:
            assert error_statuses(operation) <= every


def test_the_headers_of_answers_are_those_we_send() -> None:
    sent = (
        REQUEST_ID_HEADER,
        TIER_HEADER,
        MODEL_HEADER,
        CACHE_HEADER,
        CACHE_AGE_HEADER,
        CACHE_ENTRY_HEADER,
        CACHE_SCORE_HEADER,
        ATTEMPTS_HEADER,
        COST_HEADER,
        SNAPSHOT_HEADER,
        BATCH_HEADER,
    )
    for operation in operations().values():
        if operation["tags"] == ["generate"]:
            assert list(operation["responses"]["200"]["headers"]) == [name.decode() for name in sent]


@pytest.mark.parametrize(
    ("described", "values"),
    [
        (SCHEMAS["ReasonCode"]["enum"], ReasonCode),
        (SCHEMAS["Decision"]["properties"]["certificate"]["enum"], Certificate),
        (SCHEMAS["ConversationNote"]["properties"]["verdict"]["enum"], Verdict),
        (SCHEMAS["ClassifierOutcome"]["enum"], ClassifierOutcome),
        (SCHEMAS["Receipt"]["properties"]["outcome"]["enum"], Outcome),
        (SCHEMAS["Attempt"]["properties"]["failure"]["anyOf"][0]["enum"], FailureKind),
        (SCHEMAS["Receipt"]["properties"]["no_retry"]["anyOf"][0]["enum"], NoRetry),
        (SCHEMAS["SemanticFinding"]["properties"]["end"]["enum"], SemanticEnd),
        (SCHEMAS["SemanticFinding"]["properties"]["bar"]["anyOf"][0]["enum"], SemanticBar),
        (SCHEMAS["TokenUsage"]["properties"]["source"]["enum"], UsageSource),
    ],
)
def test_closed_lists_are_those_of_the_nouns(described: list[str], values: list[str]) -> None:
    assert described == [str(value) for value in values]


def test_a_receipt_is_what_the_description_says() -> None:
    schema = {"$ref": "#/components/schemas/Receipt", "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema)
    full = a_receipt(attempts=(an_attempt(1, failure=FailureKind.TTFT), an_attempt(2)))
    bare = a_receipt(
        tenant=None,
        key=None,
        operation=None,
        alias=None,
        error=ErrorCode.MALFORMED_BODY,
        status=None,
        tier=None,
        served_model=None,
        decision=None,
        attempts=(),
        finish_reason=None,
    )
    assert full.decision is not None
    going_on = replace(full, decision=replace(full.decision, conversation=A_NOTE))
    sought = replace(full, semantic=A_NEAR_MISS)
    traced = replace(full, trace=Trace("a" * 32, "b" * 16, "", True, makes_spans=True))
    for receipt in (full, going_on, sought, traced, bare):
        assert [str(error) for error in validator.iter_errors(json.loads(tell_receipt(receipt)))] == []
    assert {field.name for field in fields(Receipt)} < SCHEMAS["Receipt"]["properties"].keys()


def test_every_part_of_the_description_is_used() -> None:
    text = OPENAPI.read_text()
    for kind, parts in DOCUMENT["components"].items():
        for name in parts if kind != "securitySchemes" else ():
            assert f'"#/components/{kind}/{name}"' in text, f"{kind}/{name} is described and never used"
