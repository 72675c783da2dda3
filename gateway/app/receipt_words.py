"""A receipt in words: what became of a request, and of each call that was made for it."""

from collections.abc import Iterator
from typing import Final

from gateway.app.cli_semantic_words import other_words
from gateway.domain.batch import BatchEnding
from gateway.domain.money import format_usd
from gateway.domain.receipt import AttemptReport, Receipt

BATCH_WORDS: Final = {
    BatchEnding.UNNEEDED: "did not come to wait for room",
    BatchEnding.ADMITTED: "let in when there was room to spare, at its tier's batch price",
    BatchEnding.EXPIRED: "found no room in the time that it had",
    BatchEnding.SHED: "turned away from the queue",
    BatchEnding.GONE: "its client left while it waited",
}


def what_happened(receipt: Receipt) -> Iterator[tuple[str, str]]:
    """Yield what became of a request: pairs of a name and what there is to say."""
    error = "" if receipt.error is None else f", error {receipt.error}"
    yield "outcome", f"{receipt.outcome}{error}, status {or_dash(receipt.status)}"
    operation = "–" if receipt.operation is None else receipt.operation.value
    yield "asked", f"{operation}, model {or_dash(receipt.alias)}{', stream' if receipt.stream else ''}"
    yield "who", f"tenant {or_dash(receipt.tenant)}, key {or_dash(receipt.key)}, snapshot {receipt.snapshot}"
    if receipt.trace is not None:
        yield "trace", receipt.trace.trace_id
    yield "answered by", f"tier {or_dash(receipt.tier)}, model {or_dash(receipt.served_model)}, cache {receipt.cache}"
    if receipt.batch is not None:
        yield "batch", f"{BATCH_WORDS[receipt.batch.ending]}; waited {receipt.batch.waited_ms / 1e3:.1f} s"
    if receipt.semantic is not None:
        yield "other words", other_words(receipt.semantic)
    if receipt.cache_age_s is not None:
        yield (
            "kept answer",
            f"{receipt.cache_entry}, {receipt.cache_age_s:,} s old; it took {receipt.cache_saved_ms / 1e3:.1f} s and "
            f"${format_usd(receipt.cache_saved_usd_nano)} more when a model gave it",
        )
    elif receipt.cache_entry is not None:
        yield "kept as", receipt.cache_entry
    usage = receipt.usage
    written = f", {usage.cache_write_tokens:,} written to a cache" if usage.cache_write_tokens else ""
    yield (
        "tokens",
        f"{usage.input_tokens:,} in ({usage.cached_input_tokens:,} cached{written}), {usage.output_tokens:,} out "
        f"({usage.reasoning_tokens:,} reasoning)",
    )
    saved = receipt.baseline_usd_nano - receipt.charge_usd_nano
    yield (
        "cost",
        f"${format_usd(receipt.charge_usd_nano)}; the strongest able tier would have cost about "
        f"${format_usd(receipt.baseline_usd_nano)} (saved ${format_usd(saved)}, an estimate)",
    )
    if receipt.waste_usd_nano:
        yield "waste", f"${format_usd(receipt.waste_usd_nano)} for calls that were given up, charged to nobody"
    removed = dict.fromkeys(f"{name} ({attempt.tier})" for attempt in receipt.attempts for name in attempt.removed)
    if removed:
        yield "not sent", f"{', '.join(removed)}: the servers do not take it"
    if receipt.no_retry is not None:
        yield "not tried further", receipt.no_retry.replace("_", " ")
    if receipt.feedback is not None:
        comment = f": {receipt.feedback.comment}" if receipt.feedback.comment else ""
        yield "feedback", f"{receipt.feedback.score:g} of 1{comment}"
    own_ms = receipt.times.end_ms - receipt.external_ms
    yield "time", f"{receipt.times.end_ms:.1f} ms, of which {own_ms:.2f} ms in the gateway"


def attempt_cells(attempt: AttemptReport) -> tuple[str, ...]:
    """Write an attempt, endpoint, its three times in ms, its status and what it failed of."""
    first = "–" if attempt.first_content_ms is None else f"{attempt.first_content_ms:.1f}"
    failure = "" if attempt.failure is None else f"{attempt.failure}: {attempt.detail}".rstrip(": ")
    return (
        f"{attempt.number} {attempt.tier}",
        attempt.endpoint,
        f"{attempt.started_ms:.1f}",
        first,
        f"{attempt.ended_ms:.1f}",
        or_dash(attempt.status),
        failure,
    )


def or_dash(value: object) -> str:
    """Write a value, or a dash for None."""
    return "–" if value is None else str(value)
