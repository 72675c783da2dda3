"""Spans of a request, made when it is over from what its receipt knows: nothing of them is on its path.

    server span   from the first byte to the last, with an event for each stage
    └─ client span   one for each call to a model server, with its headers and its first content

opentelemetry-sdk makes them, with the ids that were drawn when the request came and went on to the model servers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from gateway.adapters.log_text import safe_text
from gateway.adapters.span_names import OPERATIONS, PROVIDER, SERVER_PROVIDER, SpanAttribute, SpanEvent
from gateway.domain.outcome import BLAME, Blame
from gateway.domain.receipt import AttemptReport, Receipt, answering_endpoint
from gateway.domain.request import Operation
from gateway.domain.trace import Trace

Events = Iterable[tuple[SpanEvent, float | None]]
"""When what happened, in milliseconds since the request came; None for what did not."""
Attributes = Mapping[str, str | bool | int | float | Sequence[str]]

_NS_PER_MS: Final = 1e6
_NS_PER_S: Final = 10**9
_SCOPE: Final = "tiergate"
_AT_FAULT: Final = frozenset({Blame.GATEWAY, Blame.UPSTREAM})
"""A server's span is an error where the server is to blame, by the conventions."""


class SpanMaker:
    """Makes spans. Belongs to one thread."""

    def __init__(self, resource: Resource) -> None:
        self._ids = _GivenIds()
        self._made = _Collected()
        provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False, id_generator=self._ids)
        provider.add_span_processor(self._made)
        self._tracer = provider.get_tracer(_SCOPE)

    def spans_of(self, receipt: Receipt, prompt: str = "") -> list[ReadableSpan]:
        """Return the request's own span, and one for each of its calls; nothing of one without a place in a trace.

        `prompt` is said on the former, where there is one.
        """
        trace = receipt.trace
        if trace is None:
            return []
        came_ns, times = ns_of(receipt.received_at_s), receipt.times
        self._ids.trace_id, self._ids.span_id = int(trace.trace_id, 16), int(trace.span_id, 16)
        span = self._begin(_name(receipt.operation, receipt.alias), SpanKind.SERVER, trace.parent_id, trace, came_ns)
        events: Events = (
            (SpanEvent.ADMITTED, times.admit_ms),
            (SpanEvent.UNDERSTOOD, times.canonicalise_ms),
            (SpanEvent.LOOKED_UP, times.lookup_ms),
            (SpanEvent.SCORED, times.score_ms),
            (SpanEvent.DECIDED, times.decide_ms),
            (SpanEvent.FIRST_CONTENT, times.first_content_ms),
        )
        said = _of_request(receipt, prompt)
        _end(span, came_ns, times.end_ms, said, events, is_wrong=BLAME[receipt.outcome] in _AT_FAULT)
        for attempt in receipt.attempts:
            self._ids.span_id = int(trace.attempt_id(attempt.number), 16)
            began_ns = came_ns + round(attempt.started_ms * _NS_PER_MS)
            span = self._begin(_name(receipt.operation, attempt.model), SpanKind.CLIENT, trace.span_id, trace, began_ns)
            events = ((SpanEvent.HEADERS, attempt.headers_ms), (SpanEvent.FIRST_CONTENT, attempt.first_content_ms))
            failed = attempt.failure is not None
            _end(span, came_ns, attempt.ended_ms, _of_attempt(attempt, receipt), events, is_wrong=failed)
        return self._made.take()

    def _begin(self, name: str, kind: SpanKind, parent_id: str, trace: Trace, at_ns: int) -> Span:
        """Begin a span below the parent, which is remote or was made here; without one it is the trace's first."""
        flags = TraceFlags(TraceFlags.SAMPLED if trace.is_sampled else TraceFlags.DEFAULT)
        context = Context()
        if parent_id:
            state = TraceState.from_header([trace.state]) if trace.state else None
            parent = SpanContext(int(trace.trace_id, 16), int(parent_id, 16), kind is SpanKind.SERVER, flags, state)
            context = set_span_in_context(NonRecordingSpan(parent), context)
        span = self._tracer.start_span(name, context, kind, start_time=at_ns)
        assert isinstance(span, Span), "every span is recorded: which ones are wanted was decided before"
        return span


def ns_of(at_s: float) -> int:
    """Turn seconds since the epoch into nanoseconds, of which a float holds no more than every 256th."""
    return int(at_s) * _NS_PER_S + round(at_s % 1.0 * _NS_PER_S)


class _GivenIds(IdGenerator):
    """Gives out the ids that the requests and their calls were known by while they were under way."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class _Collected(SpanProcessor):
    """Keeps the spans that ended."""

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self._spans.append(span)

    def take(self) -> list[ReadableSpan]:
        """Hand them over."""
        spans, self._spans = self._spans, []
        return spans


def _end(span: Span, zero_ns: int, ended_ms: float, attributes: Attributes, events: Events, *, is_wrong: bool) -> None:
    span.set_attributes(attributes)
    for event, at_ms in events:
        if at_ms is not None:
            span.add_event(event.value, timestamp=zero_ns + round(at_ms * _NS_PER_MS))
    if is_wrong:
        span.set_status(Status(StatusCode.ERROR))
    span.end(zero_ns + round(ended_ms * _NS_PER_MS))


def _name(operation: Operation | None, model: str | None) -> str:
    """Name a span as the conventions do: what is done, and the model."""
    words = ("request" if operation is None else OPERATIONS[operation], safe_text(model or ""))
    return " ".join(word for word in words if word)


def _of_request(receipt: Receipt, prompt: str) -> Attributes:
    said, decision = SpanAttribute, receipt.decision
    known = _known(
        {
            **_asked(receipt),
            **_answered(receipt),
            said.PROVIDER: PROVIDER,
            said.REQUEST_MODEL: receipt.alias,
            said.FIRST_CHUNK: _seconds(receipt.times.first_content_ms, 0.0),
            said.METHOD: "POST",
            said.STATUS: receipt.status,
            said.ERROR: receipt.error,
            said.REQUEST_ID: receipt.request_id,
            said.OUTCOME: receipt.outcome,
            said.TENANT: receipt.tenant,
            said.KEY: receipt.key,
            said.ROUTE: receipt.route,
            said.TIER: receipt.tier,
            said.REASON: None if decision is None else decision.reason,
            said.SCORER: None if decision is None else decision.score.scorer,
            said.CACHE: receipt.cache,
            said.SNAPSHOT: receipt.snapshot,
            said.ATTEMPTS: len(receipt.attempts),
            said.COST: receipt.charge_usd_nano,
            said.BASELINE: receipt.baseline_usd_nano,
            said.OVERHEAD: round(max(0.0, receipt.times.end_ms - receipt.external_ms), 3),
        }
    )
    # Where it may be sent at all, it is sent as it is, but for what cannot be written.
    return {**known, said.PROMPT.value: prompt.encode("utf-8", "replace").decode()} if prompt else known


def _of_attempt(attempt: AttemptReport, receipt: Receipt) -> Attributes:
    said = SpanAttribute
    return _known(
        {
            **_asked(receipt),
            **(_answered(receipt) if attempt.endpoint == answering_endpoint(receipt) else {}),
            said.PROVIDER: SERVER_PROVIDER,
            said.REQUEST_MODEL: attempt.model,
            said.FIRST_CHUNK: _seconds(attempt.first_content_ms, attempt.started_ms),
            said.METHOD: "POST",
            said.STATUS: attempt.status,
            said.ERROR: attempt.failure,
            said.TIER: attempt.tier,
            said.ENDPOINT: attempt.endpoint,
            said.ATTEMPT: attempt.number,
            said.WASTE: attempt.waste_usd_nano or None,
        }
    )


def _asked(receipt: Receipt) -> Mapping[str, object]:
    operation = None if receipt.operation is None else OPERATIONS[receipt.operation]
    return {SpanAttribute.OPERATION: operation, SpanAttribute.REQUEST_STREAM: receipt.stream}


def _answered(receipt: Receipt) -> Mapping[str, object]:
    """Say what is said of an answer. Tokens of which there were none are left out."""
    said, usage = SpanAttribute, receipt.usage
    return {
        said.RESPONSE_MODEL: receipt.served_model,
        said.FINISH_REASONS: None if receipt.finish_reason is None else (safe_text(receipt.finish_reason),),
        said.INPUT_TOKENS: usage.input_tokens or None,
        said.OUTPUT_TOKENS: usage.output_tokens or None,
        said.CACHED_TOKENS: usage.cached_input_tokens or None,
        said.CACHE_WRITE_TOKENS: usage.cache_write_tokens or None,
        said.REASONING_TOKENS: usage.reasoning_tokens or None,
    }


def _known(attributes: Mapping[str, object]) -> Attributes:
    """Leave out what is not known, and write texts so that they are no more than that."""
    known: dict[str, str | bool | int | float | Sequence[str]] = {}
    for name, value in attributes.items():
        if isinstance(value, str):
            known[str(name)] = safe_text(value)
        elif isinstance(value, bool | int | float | tuple):
            known[str(name)] = value
    return known


def _seconds(at_ms: float | None, since_ms: float) -> float | None:
    return None if at_ms is None else (at_ms - since_ms) / 1e3
