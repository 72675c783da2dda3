"""The receipt of a request that a running gateway answered: fetch it, and tell it in words."""

import json
from dataclasses import dataclass

import httpx
from rich.console import Console

from gateway.app.cli_decision import print_decision
from gateway.app.cli_output import facts, table, title
from gateway.app.gateway_client import TIMEOUT_S, error_message
from gateway.app.receipt_words import attempt_cells, what_happened
from gateway.domain.receipt import Receipt
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
    """Read a receipt. Raises NoReceipt."""
    try:
        receipt, document = decode_receipt(raw), json.loads(raw)
    except ValueError as error:
        raise NoReceipt(f"What answered is no Tiergate of this version: {error}.") from error
    return FetchedReceipt(receipt, document)


def print_receipt(console: Console, receipt: Receipt) -> None:
    """Print what happened to a request, and why."""
    console.print(title(f"request {receipt.request_id}"))
    console.print(facts(what_happened(receipt)))
    if receipt.attempts:
        console.print()
        right = ("started ms", "first content ms", "ended ms", "status")
        rows = table("attempt", "endpoint", *right, "failure", right=right)
        for attempt in receipt.attempts:
            rows.add_row(*attempt_cells(attempt))
        console.print(rows)
    if receipt.decision is not None:
        console.print()
        print_decision(console, receipt.decision)
