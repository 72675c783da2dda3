"""One JSON line for each request, without anything of what was asked or answered.

A msgspec struct: about 5 µs a line, where the standard library's logging takes 20 to 80. JSON
escapes every control character, so no client can forge a line.
"""

import msgspec

from gateway.adapters.line_writer import LineWriter
from gateway.domain.receipt import Receipt

NAME_CHARS_MAX = 128
"""Of a string that a client chose, as much is written."""


class LogLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a line says. Money is in nano-USD; what a request never came to is left out."""

    at_s: float
    request_id: str
    outcome: str
    duration_ms: float
    overhead_ms: float
    snapshot: str
    stream: bool
    cache: str
    status: int | None = None
    error: str | None = None
    tenant: str | None = None
    key: str | None = None
    operation: str | None = None
    alias: str | None = None
    route: str | None = None
    tier: str | None = None
    model: str | None = None
    reason: str | None = None
    attempts: int = 0
    failures: tuple[str, ...] = ()
    first_content_ms: float | None = None
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    usage_source: str | None = None
    charge_usd_nano: int = 0
    baseline_usd_nano: int = 0
    finish_reason: str | None = None


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
    decision, usage, times = receipt.decision, receipt.usage, receipt.times
    return LogLine(
        at_s=round(receipt.received_at_s, 6),
        request_id=receipt.request_id,
        outcome=receipt.outcome.value,
        duration_ms=round(times.end_ms, 3),
        overhead_ms=round(max(0.0, times.end_ms - receipt.external_ms), 3),
        snapshot=receipt.snapshot,
        stream=receipt.stream,
        cache=receipt.cache,
        status=receipt.status,
        error=None if receipt.error is None else receipt.error.value,
        tenant=receipt.tenant,
        key=receipt.key,
        operation=None if receipt.operation is None else receipt.operation.value,
        alias=None if receipt.alias is None else receipt.alias[:NAME_CHARS_MAX],
        route=None if decision is None else decision.route,
        tier=receipt.tier,
        model=receipt.served_model,
        reason=None if decision is None else decision.reason.value,
        attempts=len(receipt.attempts),
        failures=tuple(attempt.failure.value for attempt in receipt.attempts if attempt.failure is not None),
        first_content_ms=None if times.first_content_ms is None else round(times.first_content_ms, 3),
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        usage_source=usage.source.value if usage.total_tokens else None,
        charge_usd_nano=receipt.charge_usd_nano,
        baseline_usd_nano=receipt.baseline_usd_nano,
        finish_reason=receipt.finish_reason,
    )
