"""The receipt of a request that a running gateway answered: fetch it, and tell it in words."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from rich.console import Console

from gateway.app.cli_decision import decision_document, print_decision
from gateway.app.cli_output import facts, table, title
from gateway.app.cli_semantic_words import other_words
from gateway.app.gateway_client import TIMEOUT_S, error_message
from gateway.domain.money import format_usd
from gateway.domain.receipt import AttemptReport, Receipt
from gateway.wire.receipt_json import decode_receipt


class NoReceipt(Exception):
    """There is no receipt to tell. The message says why and how to mend it."""


@dataclass(frozen=True, slots=True)
class FetchedReceipt:
    """A receipt, and the document that it came as."""

    receipt: Receipt
    document: dict[str, object]


def fetch_receipt(request_id: str, url: str, key: str | None, transport: httpx.BaseTransport | None = None) -> bytes:
    """Ask a gateway for a receipt. Raises NoReceipt."""
    base_url = url.rstrip("/").removesuffix("/v1")
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    try:
        with httpx.Client(transport=transport, trust_env=False, timeout=TIMEOUT_S) as client:
            answer = client.get(f"{base_url}/v1/receipts/{request_id}", headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise NoReceipt(f"The gateway at {base_url} cannot be asked: {reason}. Name another with --url.") from error
    if answer.status_code != 200:
        raise NoReceipt(f"The gateway at {base_url} says {answer.status_code}: {error_message(answer)}")
    return answer.content


def read_receipt(raw: bytes) -> FetchedReceipt:
    """Read a receipt, and add to its document what would have flipped the decision. Raises NoReceipt."""
    try:
        receipt, document = decode_receipt(raw), json.loads(raw)
    except ValueError as error:
        raise NoReceipt(f"What answered is no Tiergate of this version: {error}.") from error
    if receipt.decision is not None:
        document["flips"] = decision_document(receipt.decision)["flips"]
    return FetchedReceipt(receipt, document)


def print_receipt(console: Console, receipt: Receipt) -> None:
    """Print what happened to a request, and why."""
    console.print(title(f"request {receipt.request_id}"))
    console.print(facts(_what_happened(receipt)))
    if receipt.attempts:
        console.print()
        right = ("started ms", "first content ms", "ended ms", "status")
        rows = table("attempt", "endpoint", *right, "failure", right=right)
        for attempt in receipt.attempts:
            rows.add_row(*_attempt(attempt))
        console.print(rows)
    if receipt.decision is not None:
        console.print()
        print_decision(console, receipt.decision)


def _what_happened(receipt: Receipt) -> Iterator[tuple[str, str]]:
    error = "" if receipt.error is None else f", error {receipt.error}"
    yield "outcome", f"{receipt.outcome}{error}, status {_or_dash(receipt.status)}"
    operation = "–" if receipt.operation is None else receipt.operation.value
    yield "asked", f"{operation}, model {_or_dash(receipt.alias)}{', stream' if receipt.stream else ''}"
    yield "who", f"tenant {_or_dash(receipt.tenant)}, key {_or_dash(receipt.key)}, snapshot {receipt.snapshot}"
    yield "answered by", f"tier {_or_dash(receipt.tier)}, model {_or_dash(receipt.served_model)}, cache {receipt.cache}"
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
    yield (
        "tokens",
        f"{usage.input_tokens:,} in ({usage.cached_input_tokens:,} cached), {usage.output_tokens:,} out "
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


def _attempt(attempt: AttemptReport) -> tuple[str, ...]:
    first = "–" if attempt.first_content_ms is None else f"{attempt.first_content_ms:.1f}"
    failure = "" if attempt.failure is None else f"{attempt.failure}: {attempt.detail}".rstrip(": ")
    return (
        f"{attempt.number} {attempt.tier}",
        attempt.endpoint,
        f"{attempt.started_ms:.1f}",
        first,
        f"{attempt.ended_ms:.1f}",
        _or_dash(attempt.status),
        failure,
    )


def _or_dash(value: object) -> str:
    return "–" if value is None else str(value)
