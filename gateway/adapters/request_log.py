"""One JSON line for each request, without anything of what was asked or answered.

A msgspec struct: about 5 µs a line, where the standard library's logging takes 20 to 80. JSON and `safe_text` escape
whatever would not be seen as it is, so no client can forge a line.
"""

import msgspec

from gateway.adapters.line_writer import LineWriter
from gateway.adapters.log_text import safe_text
from gateway.domain.receipt import Receipt, answering_endpoint


class LogLine(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="event", tag="request"):
    """What a line says. Money is in nano-USD; what a request never came to is left out."""

    at_s: float
    """When the request came, in seconds since the epoch."""
    request_id: str
    """Under which its receipt lies."""
    outcome: str
    """How it ended; the outcomes are listed above."""
    duration_ms: float
    """From its first byte to the last of its answer."""
    overhead_ms: float
    """Of that, what was not spent waiting for others: the gateway's own share."""
    snapshot: str
    """The policy that it was served under."""
    stream: bool
    """Whether the answer came in events."""
    cache: str
    """What the cache gave, as the header `x-tiergate-cache` says it."""
    trace_id: str | None = None
    """The trace that it belongs to."""
    status: int | None = None
    """Of the answer; without one, the client had left."""
    error: str | None = None
    """The code of the error that its client was told."""
    tenant: str | None = None
    """Whose key it came with."""
    key: str | None = None
    """The key's name, which is not the key."""
    operation: str | None = None
    """What was asked for: chat/completions, completions, embeddings, messages or responses."""
    alias: str | None = None
    """The model as the client named it."""
    route: str | None = None
    """The route that it took."""
    tier: str | None = None
    """The tier that gave the answer."""
    endpoint: str | None = None
    """The model server that gave the answer."""
    model: str | None = None
    """The model that gave the answer, as its server knows it."""
    reason: str | None = None
    """Why that tier was tried first; the reasons are listed above."""
    attempts: int = 0
    """Calls to model servers."""
    failures: tuple[str, ...] = ()
    """What those calls failed of that failed, in order."""
    first_content_ms: float | None = None
    """From its first byte to the first content of its answer."""
    input_tokens: int = 0
    """Of the prompt, those that the server had cached included."""
    cached_input_tokens: int = 0
    """Of the prompt, what the server had cached."""
    cache_write_tokens: int = 0
    """Of the prompt, what the server wrote to a cache."""
    output_tokens: int = 0
    """Of the answer, reasoning included."""
    reasoning_tokens: int = 0
    """Of the answer, what was reasoning."""
    usage_source: str | None = None
    """Whether the server counted the tokens (reported) or the gateway did (estimated)."""
    charge_usd_nano: int = 0
    """What it cost, in nano-USD."""
    baseline_usd_nano: int = 0
    """What the same tokens would have cost at the strongest able tier, in nano-USD: an estimate."""
    finish_reason: str | None = None
    """Why the answer ended, as its server said."""
    batch: str | None = None
    """Of a batch request, what became of it at the queue: unneeded, admitted, expired, shed or gone."""
    waited_ms: float = 0.0
    """How long it waited there."""


class RequestLog:
    """A recorder that hands lines to a writer. Whoever owns the writer flushes and closes it."""

    def __init__(self, writer: LineWriter) -> None:
        self._writer = writer
        self._encode = msgspec.json.Encoder().encode

    def record(self, receipt: Receipt) -> None:
        """Write the line of a request that ended."""
        self._writer.add(self._encode(line_of(receipt)) + b"\n")


def line_of(receipt: Receipt) -> LogLine:
    """Take what a line says from a receipt."""
    decision, usage, times, attempts = receipt.decision, receipt.usage, receipt.times, receipt.attempts
    return LogLine(
        at_s=int(receipt.received_at_s * 1e6 + 0.5) / 1e6,
        request_id=receipt.request_id,
        outcome=receipt.outcome,
        duration_ms=_thousandths(times.end_ms),
        overhead_ms=_thousandths(max(0.0, times.end_ms - receipt.external_ms)),
        snapshot=receipt.snapshot,
        stream=receipt.stream,
        cache=receipt.cache,
        trace_id=None if receipt.trace is None else receipt.trace.trace_id,
        status=receipt.status,
        error=receipt.error,
        tenant=receipt.tenant,
        key=receipt.key,
        operation=None if receipt.operation is None else receipt.operation.value,
        alias=_safe(receipt.alias),
        route=None if decision is None else decision.route,
        tier=receipt.tier,
        endpoint=answering_endpoint(receipt),
        model=_safe(receipt.served_model),
        reason=None if decision is None else decision.reason,
        attempts=len(attempts),
        failures=tuple([attempt.failure for attempt in attempts if attempt.failure is not None]),
        first_content_ms=None if times.first_content_ms is None else _thousandths(times.first_content_ms),
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        usage_source=usage.source if usage.total_tokens else None,
        charge_usd_nano=receipt.charge_usd_nano,
        baseline_usd_nano=receipt.baseline_usd_nano,
        finish_reason=_safe(receipt.finish_reason),
        batch=None if receipt.batch is None else receipt.batch.ending,
        waited_ms=0.0 if receipt.batch is None else _thousandths(receipt.batch.waited_ms),
    )


def _thousandths(value: float) -> float:
    """Round what is not negative: `round`, which looks for the decimal digits, takes 0.6 µs more."""
    return int(value * 1e3 + 0.5) / 1e3


def _safe(text: str | None) -> str | None:
    return None if text is None else safe_text(text)
