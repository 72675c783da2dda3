"""One line for each request."""

import io
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.line_writer import LineWriter
from gateway.adapters.log_text import safe_text
from gateway.adapters.request_log import RequestLog, line_of
from gateway.domain.batch import BatchEnding, BatchNote
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import ModelAlias
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.receipt import Receipt, StageTimes
from gateway.domain.usage import NO_USAGE
from tests.support.receipt_samples import a_receipt, an_attempt


def _lines(*receipts: Receipt) -> list[dict[str, Any]]:
    stream = io.BytesIO()
    writer = LineWriter(stream.write)
    log = RequestLog(writer)
    for receipt in receipts:
        log.record(receipt)
    writer.close(10.0)
    assert writer.lost == 0
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_tells_who_asked_what_happened_and_what_it_cost() -> None:
    [line] = _lines(a_receipt(attempts=(an_attempt(1, failure=FailureKind.TTFT), an_attempt(2, "large"))))
    assert line == {
        "event": "request",
        "at_s": 1_800_000_000.25,
        "request_id": "r-1",
        "outcome": "success_upstream",
        "duration_ms": 90.25,
        "overhead_ms": 0.25,
        "snapshot": "0123456789ab",
        "stream": False,
        "cache": "miss",
        "status": 200,
        "tenant": "search",
        "key": "search/0",
        "operation": "chat/completions",
        "alias": "auto",
        "route": "balanced",
        "tier": "small",
        "endpoint": "small/0",
        "model": "small-model",
        "reason": "best_value",
        "attempts": 2,
        "failures": ["ttft"],
        "first_content_ms": 40.0,
        "input_tokens": 100,
        "cached_input_tokens": 30,
        "output_tokens": 20,
        "reasoning_tokens": 5,
        "usage_source": "reported",
        "charge_usd_nano": 120_000,
        "baseline_usd_nano": 1_200_000,
        "finish_reason": "stop",
    }


def test_what_a_request_never_came_to_is_left_out() -> None:
    receipt = a_receipt(
        outcome=Outcome.CLIENT_REJECTED,
        error=ErrorCode.INVALID_API_KEY,
        status=401,
        tenant=None,
        key=None,
        operation=None,
        alias=None,
        tier=None,
        served_model=None,
        decision=None,
        attempts=(),
        usage=NO_USAGE,
        charge_usd_nano=0,
        baseline_usd_nano=0,
        finish_reason=None,
        times=StageTimes(end_ms=0.1),
        external_ms=0.2,
    )
    [line] = _lines(receipt)
    assert set(line) == {
        "event",
        "at_s",
        "request_id",
        "outcome",
        "duration_ms",
        "overhead_ms",
        "snapshot",
        "stream",
        "cache",
        "status",
        "error",
    }
    assert line["overhead_ms"] == 0.0


@given(st.text(st.characters(), max_size=300))
def test_neither_client_nor_server_can_forge_a_line(said: str) -> None:
    [line] = _lines(a_receipt(alias=ModelAlias(said), served_model=said, finish_reason=said))
    assert (line["alias"], line["model"], line["finish_reason"]) == (safe_text(said),) * 3


def test_of_hedged_calls_the_one_is_named_that_gave_the_answer() -> None:
    given_up = replace(an_attempt(2, position=1), detail="given up")
    [hedged, refused, kept] = _lines(
        a_receipt(attempts=(an_attempt(1), given_up)),
        a_receipt(attempts=(an_attempt(1, "large"), replace(an_attempt(2, failure=FailureKind.REFUSAL), detail="no"))),
        a_receipt(attempts=()),
    )
    assert (hedged["endpoint"], refused["endpoint"], "endpoint" in kept) == ("small/0", "small/0", False)


def test_what_was_said_by_a_server_is_not_in_the_line() -> None:
    attempt = replace(an_attempt(failure=FailureKind.SERVER_ERROR), detail="the prompt was: secret")
    [line] = _lines(a_receipt(attempts=(attempt,)))
    assert "secret" not in json.dumps(line)


def test_a_line_can_be_had_without_writing_it() -> None:
    assert line_of(a_receipt()).tier == "small"


def test_a_batch_request_says_how_it_fared_in_the_queue() -> None:
    [line] = _lines(replace(a_receipt(), batch=BatchNote(BatchEnding.ADMITTED, 1_500.0)))
    assert (line["batch"], line["waited_ms"]) == ("admitted", 1_500.0)
