"""Rows of the demo's table: what stands in them, and the few words that say why a tier answered."""

import json
from dataclasses import replace

import pytest

from gateway.app.demo_questions import Question
from gateway.app.demo_rows import Reply, first_choice, read_replies, row_of, why
from gateway.core.routing import Pin, decide
from gateway.domain.decision import Decision, ReasonCode, Shortage
from gateway.domain.ids import TierName
from gateway.domain.outcome import FailureKind
from gateway.domain.receipt import StageTimes
from gateway.domain.request import Need
from gateway.domain.semantic import SemanticEnd, SemanticFinding
from gateway.wire.receipt_json import encode_receipt
from tests.support.receipt_samples import a_receipt, an_attempt
from tests.support.tiers import KNOWN, a_dial, a_request, a_tier, an_ability

QUESTION = Question("What is it?", stream=True)
HEADERS = {
    "x-tiergate-request-id": "r-1",
    "x-tiergate-tier": "small",
    "x-tiergate-cache": "miss",
    "x-tiergate-attempts": "1",
}
SMALL = a_tier("small", 0, supports=Need.NONE)
LARGE = a_tier("large", 1, ability=an_ability(2.0, prior=0.8), output_usd_pico=10_000_000)


def a_reply(**changes: object) -> Reply:
    reply = Reply(200, HEADERS, "It is this.", "stop", None, a_receipt())
    return replace(reply, **changes)  # type: ignore[arg-type]


def a_choice(dial: float = 1e6, *, needs: Need = Need.NONE, down: tuple[str, ...] = ()) -> Decision:
    """Decide between a cheap tier and a good one: at a high dial the cheap one wins, at 0 the good one."""
    unavailable = {TierName(name): Shortage(ReasonCode.UNHEALTHY, 1.0) for name in down}
    return decide(a_request(needs=needs), KNOWN, (SMALL, LARGE), a_dial(dial), unavailable=unavailable)


def test_a_row_holds_what_headers_and_receipt_say() -> None:
    row = row_of(3, QUESTION, a_reply())
    assert (row.number, row.question, row.tier, row.cache, row.attempts) == (3, "What is it?", "small", "miss", 1)
    assert (row.input_tokens, row.output_tokens) == (100, 20)
    assert (row.charge_usd_nano, row.baseline_usd_nano) == (120_000, 1_200_000)
    assert row.p.keys() == {"small", "large"}
    assert (row.ttft_ms, row.total_ms) == (40.0, 90.25)
    assert row.first_choice is None


def test_only_a_stream_has_a_time_to_its_first_token() -> None:
    assert row_of(1, replace(QUESTION, stream=False), a_reply()).ttft_ms is None


def test_a_stream_from_the_cache_is_there_all_at_once() -> None:
    receipt = a_receipt(cache="exact", decision=None, attempts=(), times=StageTimes(end_ms=0.5))
    row = row_of(1, QUESTION, a_reply(receipt=receipt))
    assert (row.ttft_ms, row.why, row.p, row.first_choice) == (0.5, "asked before", {}, None)


def test_an_answer_to_other_words_tells_how_alike_they_are() -> None:
    found = SemanticFinding(SemanticEnd.HIT, cosine=0.97, probability=0.99, threshold=0.9)
    row = row_of(1, QUESTION, a_reply(receipt=a_receipt(cache="semantic", decision=None, attempts=(), semantic=found)))
    assert (row.why, row.first_choice) == ("asked otherwise", None)
    assert row.likeness is not None
    assert "0.990 (0.900 is wanted)" in row.likeness


def test_a_near_question_that_was_refused_tells_why_and_goes_its_way() -> None:
    differ = ("numbers differ: 15 / 12",)
    found = SemanticFinding(SemanticEnd.REFUSED, cosine=0.99, probability=0.1, threshold=0.9, differences=differ)
    row = row_of(1, QUESTION, a_reply(receipt=a_receipt(decision=a_choice(), semantic=found)))
    assert row.why == "best value"
    assert row.likeness is not None
    assert row.likeness.endswith("numbers differ: 15 / 12")


def test_where_nothing_was_near_there_is_nothing_to_tell() -> None:
    found = SemanticFinding(SemanticEnd.NOTHING)
    assert row_of(1, QUESTION, a_reply(receipt=a_receipt(semantic=found))).likeness is None


def test_a_stream_that_was_joined_has_no_first_token_of_its_own() -> None:
    receipt = a_receipt(cache="coalesced", decision=None, attempts=(), times=StageTimes(end_ms=90.0))
    row = row_of(1, QUESTION, a_reply(receipt=receipt))
    assert (row.ttft_ms, row.total_ms, row.why) == (None, 90.0, "asked just now")


def test_a_refusal_has_a_row_too() -> None:
    row = row_of(1, QUESTION, a_reply(status=503, headers={}, receipt=None, error="no tier"))
    assert (row.status, row.why, row.tier, row.cache, row.attempts) == (503, "error 503", None, "–", 0)
    assert (row.charge_usd_nano, row.ttft_ms, row.total_ms, row.error) == (0, None, None, "no tier")
    assert row_of(1, QUESTION, a_reply(status=None, receipt=None)).why == "error"


def test_the_best_value_needs_no_other_reason() -> None:
    assert why(a_receipt(decision=a_choice())) == "best value"
    assert first_choice(a_receipt(decision=a_choice())) is None


def test_a_failed_attempt_is_the_reason_for_another_tier() -> None:
    attempts = (an_attempt(0, "small", FailureKind.CONNECT), an_attempt(1, "large"))
    receipt = a_receipt(decision=a_choice(), attempts=attempts, tier=TierName("large"))
    assert (why(receipt), first_choice(receipt)) == ("small unreachable", "small")
    broken = replace(attempts[0], failure=FailureKind.SERVER_ERROR)
    assert why(replace(receipt, attempts=(broken, attempts[1]))) == "small failed"


def test_a_server_known_to_be_down_is_the_reason_where_it_would_have_won() -> None:
    receipt = a_receipt(decision=a_choice(down=("small",)), attempts=(an_attempt(0, "large"),), tier=TierName("large"))
    assert (why(receipt), first_choice(receipt)) == ("small is down", "small")


def test_a_server_that_is_down_is_no_reason_where_another_would_have_won_anyway() -> None:
    receipt = a_receipt(decision=a_choice(0.0, down=("small",)), attempts=(), tier=TierName("large"))
    assert (why(receipt), first_choice(receipt)) == ("only one able", None)


def test_what_a_tier_cannot_do_is_the_reason_but_no_fallback() -> None:
    receipt = a_receipt(decision=a_choice(needs=Need.JSON_SCHEMA), attempts=(), tier=TierName("large"))
    assert (why(receipt), first_choice(receipt)) == ("small: no schemas", None)


def test_a_tier_named_by_the_client_is_said_to_be() -> None:
    pin = Pin(TierName("small"), ReasonCode.PINNED_BY_ALIAS)
    decision = decide(a_request(), KNOWN, (SMALL,), a_dial(), pin=pin)
    assert why(a_receipt(decision=decision)) == "named by client"


def test_without_a_decision_there_is_no_reason() -> None:
    receipt = a_receipt(decision=None, attempts=())
    assert (why(receipt), first_choice(receipt)) == ("–", None)


@pytest.mark.parametrize("reason", ReasonCode)
def test_every_reason_fits_its_column(reason: ReasonCode) -> None:
    decision = replace(a_choice(), reason=reason)
    assert len(why(a_receipt(decision=decision, attempts=()))) <= 17 or reason not in CHOSEN


CHOSEN = frozenset(reason for reason in ReasonCode if reason.name.startswith(("BEST", "STRONGEST", "ONLY", "PINNED")))


def test_a_line_of_the_client_is_read_with_its_receipt() -> None:
    told = {"status": 200, "headers": HEADERS, "text": "x", "finish_reason": "stop"}
    receipt = a_receipt()
    line = json.dumps([told | {"receipt": json.loads(encode_receipt(receipt))}])
    assert read_replies(line) == [Reply(200, HEADERS, "x", "stop", None, receipt)]


def test_a_line_without_a_receipt_is_read() -> None:
    line = json.dumps([{"status": None, "headers": {}, "text": "", "error": "gone", "receipt": None}])
    assert read_replies(line) == [Reply(None, {}, "", None, "gone", None)]
