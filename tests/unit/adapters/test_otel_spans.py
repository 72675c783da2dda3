"""Spans of a request that is over."""

from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from gateway.adapters.otel_spans import SpanMaker
from gateway.adapters.span_names import SpanAttribute, SpanEvent
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import ModelAlias, RouteName
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.receipt import Receipt, StageTimes
from gateway.domain.trace import Trace
from gateway.domain.usage import NO_USAGE, TokenUsage
from tests.support.receipt_samples import a_receipt, an_attempt

TRACE_ID, SPAN_ID, CALLER_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "b7ad6b7169203331"
OURS = Trace(TRACE_ID, SPAN_ID, "", True, makes_spans=True)
CALLED = replace(OURS, parent_id=CALLER_ID, is_sampled=False, state="vendor=1,other=2")
WHOLE = a_receipt(
    trace=OURS,
    usage=TokenUsage(100, 20, cached_input_tokens=30, reasoning_tokens=5, cache_write_tokens=40),
    route=RouteName("balanced"),
    attempts=(
        replace(an_attempt(0, failure=FailureKind.TTFT), model="small-model", detail="the prompt was: secret"),
        replace(an_attempt(1, position=1), model="small-model"),
    ),
)


def made(receipt: Receipt, prompt: str = "") -> list[ReadableSpan]:
    return SpanMaker(Resource({"service.name": "tiergate"})).spans_of(receipt, prompt)


def said(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_request_is_a_span_and_each_call_one_below_it() -> None:
    request, failed, answered = made(WHOLE)
    assert [span.name for span in (request, failed, answered)] == ["chat auto", "chat small-model", "chat small-model"]
    assert [span.kind for span in (request, failed, answered)] == [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.CLIENT]
    for span, span_id in ((request, SPAN_ID), (failed, OURS.attempt_id(0)), (answered, OURS.attempt_id(1))):
        context = span.get_span_context()
        assert context is not None
        assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == (TRACE_ID, span_id)
    assert request.parent is None
    assert failed.parent is not None
    assert (f"{failed.parent.span_id:016x}", failed.parent.is_remote) == (SPAN_ID, False)


def test_a_request_says_what_it_was_and_what_became_of_it() -> None:
    request, _, _ = made(WHOLE)
    assert said(request) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "tiergate",
        "gen_ai.request.model": "auto",
        "gen_ai.request.stream": False,
        "gen_ai.response.model": "small-model",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.04,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_creation.input_tokens": 40,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "tiergate.request_id": "r-1",
        "tiergate.outcome": "success_upstream",
        "tiergate.tenant": "search",
        "tiergate.key": "search/0",
        "tiergate.route": "balanced",
        "tiergate.tier": "small",
        "tiergate.reason": "best_value",
        "tiergate.scorer": WHOLE.decision.score.scorer if WHOLE.decision else "",
        "tiergate.cache": "miss",
        "tiergate.snapshot": "0123456789ab",
        "tiergate.attempts": 2,
        "tiergate.charge_usd_nano": 120_000,
        "tiergate.baseline_usd_nano": 1_200_000,
        "tiergate.overhead_ms": 0.25,
    }
    assert [event.name for event in request.events] == [
        "admitted",
        "canonicalised",
        "looked_up",
        "scored",
        "decided",
        "first_content",
    ]


def test_calls_say_whom_they_asked_and_what_they_failed_of_and_no_more() -> None:
    _, failed, answered = made(WHOLE)
    assert said(failed) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai_compatible",
        "gen_ai.request.model": "small-model",
        "gen_ai.request.stream": False,
        "http.request.method": "POST",
        "error.type": "ttft",
        "tiergate.tier": "small",
        "tiergate.endpoint": "small/0",
        "tiergate.attempt": 0,
    }
    assert said(answered)["gen_ai.usage.output_tokens"] == 20
    assert said(answered)["gen_ai.response.time_to_first_chunk"] == 0.039
    assert [event.name for event in answered.events] == ["headers", "first_content"]
    assert (failed.status.status_code, answered.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert failed.status.description is None


def test_times_are_those_of_the_receipt() -> None:
    request, _, answered = made(WHOLE)
    zero_ns = 1_800_000_000_250_000_000
    assert (request.start_time, request.end_time) == (zero_ns, zero_ns + 90_250_000)
    assert (answered.start_time, answered.end_time) == (zero_ns + 1_000_000, zero_ns + 90_000_000)
    assert request.events[0].timestamp == zero_ns + 20_000
    assert answered.events[1].timestamp == zero_ns + 40_000_000


def test_a_request_goes_on_with_its_callers_trace_and_keeps_its_state() -> None:
    request, *calls = made(replace(WHOLE, trace=CALLED))
    assert request.parent is not None
    assert (f"{request.parent.span_id:016x}", request.parent.is_remote) == (CALLER_ID, True)
    for span in (request, *calls):
        context = span.get_span_context()
        assert context is not None
        assert dict(context.trace_state) == {"vendor": "1", "other": "2"}


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.CLIENT_REJECTED, StatusCode.UNSET),
        (Outcome.INTERNAL, StatusCode.ERROR),
        (Outcome.UPSTREAM_FAILED, StatusCode.ERROR),
    ],
)
def test_only_what_the_client_is_not_to_blame_for_is_an_error(outcome: Outcome, status: StatusCode) -> None:
    (request,) = made(a_receipt(trace=OURS, outcome=outcome, error=ErrorCode.INTERNAL_ERROR, attempts=()))
    assert request.status.status_code is status
    assert said(request)["error.type"] == "internal_error"


def test_what_a_request_never_came_to_is_left_out() -> None:
    bare = a_receipt(
        trace=OURS,
        operation=None,
        alias=None,
        tenant=None,
        key=None,
        tier=None,
        served_model=None,
        decision=None,
        attempts=(),
        usage=NO_USAGE,
        finish_reason=None,
        times=StageTimes(end_ms=0.5),
    )
    (request,) = made(bare)
    assert request.name == "request"
    assert not request.events
    assert {SpanAttribute.TENANT, SpanAttribute.TIER, SpanAttribute.INPUT_TOKENS, SpanAttribute.OPERATION}.isdisjoint(
        said(request)
    )


def test_without_a_place_in_a_trace_there_are_no_spans() -> None:
    assert made(a_receipt()) == []


def test_what_a_client_or_a_server_chose_is_no_more_than_text() -> None:
    forged = "x\n\u2028\ud800" + "y" * 1_000
    (request,) = made(a_receipt(trace=OURS, alias=ModelAlias(forged), finish_reason=forged, attempts=()))
    cut = "x\\u{000a}\\u{2028}\\u{d800}" + "y" * 124
    assert request.name == f"chat {cut}"
    assert said(request)["gen_ai.request.model"] == cut
    assert said(request)["gen_ai.response.finish_reasons"] == (cut,)


def test_a_prompt_is_sent_as_it_is_on_the_requests_own_span() -> None:
    request, *calls = made(WHOLE, "two\nlines \ud800")
    assert said(request)["tiergate.prompt"] == "two\nlines ?"
    assert all("tiergate.prompt" not in said(call) for call in calls)


def test_every_name_is_used_and_no_other() -> None:
    spans = made(replace(WHOLE, attempts=(*WHOLE.attempts, replace(an_attempt(2), waste_usd_nano=5))), "asked")
    assert {name for span in spans for name in said(span)} == {name.value for name in SpanAttribute}
    assert {event.name for span in spans for event in span.events} == {event.value for event in SpanEvent}
