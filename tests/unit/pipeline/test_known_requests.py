"""Requests that are not read again."""

import json

from gateway.domain.ids import TenantId
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.pipeline.known_requests import Known, KnownRequests
from gateway.wire.identity import cache_identity
from gateway.wire.openai_request import canonicalise
from tests.support.gateways import CHAT, Gateway

LIMITS = EdgeLimits()
OURS, THEIRS = TenantId("ours"), TenantId("theirs")


def body(number: int) -> bytes:
    return json.dumps({**CHAT, "seed": number}).encode()


def known_of(raw: bytes) -> Known:
    request = canonicalise(Operation.CHAT, raw, LIMITS)
    return Known(request, cache_identity(request), LIMITS)


def test_a_request_is_found_by_its_bytes_its_operation_the_limits_and_who_asked() -> None:
    requests, known = KnownRequests(), known_of(body(1))
    requests.note(OURS, body(1), known)
    assert requests.find(OURS, Operation.CHAT, body(1), LIMITS) is known
    assert requests.find(OURS, Operation.CHAT, body(2), LIMITS) is None
    assert requests.find(OURS, Operation.COMPLETIONS, body(1), LIMITS) is None
    assert requests.find(OURS, Operation.CHAT, body(1), EdgeLimits()) is None
    assert requests.find(THEIRS, Operation.CHAT, body(1), LIMITS) is None


def test_the_elder_half_is_forgotten_and_the_younger_is_not() -> None:
    requests = KnownRequests(bytes_max=8 * (4 * len(body(0)) + 1_500))
    for number in range(6):
        requests.note(OURS, body(number), known_of(body(number)))
    found = [requests.find(OURS, Operation.CHAT, body(number), LIMITS) is not None for number in range(6)]
    assert found == [True] * 6
    for number in range(6, 9):
        requests.note(OURS, body(number), known_of(body(number)))
    found = [requests.find(OURS, Operation.CHAT, body(number), LIMITS) is not None for number in range(9)]
    assert found == [False] * 4 + [True] * 5


def test_one_too_large_is_not_kept_and_costs_the_others_nothing() -> None:
    requests = KnownRequests(bytes_max=8_000)
    requests.note(OURS, body(1), known_of(body(1)))
    large = json.dumps({**CHAT, "user": "u" * 5_000}).encode()
    requests.note(OURS, large, known_of(large))
    assert requests.find(OURS, Operation.CHAT, large, LIMITS) is None
    assert requests.find(OURS, Operation.CHAT, body(1), LIMITS) is not None


async def test_a_request_answered_from_the_cache_is_read_no_third_time() -> None:
    gateway = Gateway()
    asked, limits = body(1), gateway.policy.snapshot.limits
    answers = [await gateway.ask(asked)]
    assert gateway.world.known.find(TenantId("open"), Operation.CHAT, asked, limits) is None
    answers += [await gateway.ask(asked) for _ in range(2)]
    known = gateway.world.known.find(TenantId("open"), Operation.CHAT, asked, limits)
    assert known is not None
    assert known.request.body == asked
    assert [answer.responder.headers[b"x-tiergate-cache"] for answer in answers] == [b"miss", b"exact", b"exact"]
    assert len({answer.responder.body for answer in answers}) == 1
    assert len({answer.responder.headers[b"x-tiergate-cache-entry"] for answer in answers[1:]}) == 1


async def test_a_known_request_is_refused_as_any_other_where_its_key_may_not_ask_it() -> None:
    gateway = Gateway()
    for _ in range(2):
        await gateway.ask(body(1))
    refused = await gateway.ask(body(1), headers=((b"x-tiergate-tier", b"nowhere"),))
    assert refused.responder.status == 400
