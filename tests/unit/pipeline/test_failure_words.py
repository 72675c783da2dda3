"""What a client is told when it gets no answer, or only part of one: what happened, and what it can do about it."""

import json

import pytest

from gateway.domain.errors import ErrorCode
from gateway.domain.ids import RequestId
from gateway.domain.outcome import Outcome
from gateway.pipeline.failure_words import advice
from gateway.wire.headers import REQUEST_ID_HEADER
from tests.support.behaviours import always, breaks_after, fails, json_reply, stalls_before
from tests.support.gateways import CHAT, STREAM, TWO_TIERS, Gateway, error_of, events_of
from tests.support.openai_bodies import error_body
from tests.support.scripts import Behaviour, End, Unreachable

PATIENT = TWO_TIERS.replace("ttft: 100ms, stall: 100ms, answer: 100ms", "ttft: 1m, answer: 1m")
HURRIED = PATIENT.replace("dial: 1000000,", "dial: 1000000, deadline: 100ms,")


@pytest.mark.parametrize(
    ("policy", "behaviour", "code", "advised"),
    [
        (TWO_TIERS, fails(503, retry_after="7"), "tier_unavailable", "busy or down; try again in 7 s"),
        (TWO_TIERS, fails(429), "tier_unavailable", "busy or down; try again in 1 s"),
        (TWO_TIERS, always(Unreachable()), "upstream_error", "Try again in a while"),
        (TWO_TIERS, fails(500), "upstream_error", "Try again in a while"),
        (TWO_TIERS, stalls_before(), "upstream_timeout", "Ask for less at once (a shorter prompt, a lower max_tokens)"),
        (HURRIED, stalls_before(), "deadline_exceeded", "Its time was up. Lower max_tokens, or allow it more time"),
    ],
)
async def test_who_gets_no_answer_is_told_what_to_do_about_it(
    policy: str, behaviour: Behaviour, code: str, advised: str
) -> None:
    gateway = Gateway(policy)
    gateway.network.plan.general = behaviour
    client = await gateway.ask(CHAT)
    told = error_of(client)
    assert told["code"] == code
    assert told["message"].startswith("No model server gave an answer. Tried small: ")
    assert advised in told["message"]
    assert told["message"].endswith(".")


@pytest.mark.parametrize("behaviour", [fails(500), stalls_before()])
async def test_a_failure_that_may_last_names_the_request_to_tell_the_operators(behaviour: Behaviour) -> None:
    gateway = Gateway()
    gateway.network.plan.general = behaviour
    client = await gateway.ask(CHAT)
    request_id = client.responder.headers[REQUEST_ID_HEADER].decode()
    assert error_of(client)["message"].endswith(f"tell the gateway's operators the request id {request_id}.")


def test_the_wait_that_is_told_is_the_one_in_the_header() -> None:
    assert "in 3 s" in advice(ErrorCode.TIER_UNAVAILABLE, RequestId("r"), retry_after_s=2.2)


async def test_a_servers_own_refusal_is_told_as_it_is() -> None:
    gateway = Gateway()
    gateway.network.plan.general = always(json_reply(400, error_body("top_k must be positive", "invalid", 400)))
    client = await gateway.ask(CHAT)
    assert error_of(client)["message"] == "top_k must be positive"


async def test_an_answer_that_broke_off_is_told_with_its_cause() -> None:
    gateway = Gateway()
    gateway.network.plan.queue(breaks_after(2, End.RESET))
    client = await gateway.ask(STREAM)
    told = json.loads(events_of(client)[-1])["error"]
    assert told["message"].startswith("The answer is incomplete: ")
    assert told["message"].endswith("Ask again for a whole one.")


async def test_an_answer_whose_time_was_up_is_told_so() -> None:
    gateway = Gateway(PATIENT.replace("dial: 1000000,", "dial: 1000000, stream_deadline: 100ms,"))
    gateway.network.plan.general = breaks_after(2, End.STALL)
    client = await gateway.ask(STREAM)
    told = json.loads(events_of(client)[-1])["error"]
    assert "its time was up. Lower max_tokens" in told["message"]
    assert gateway.receipt.outcome is Outcome.DEADLINE
