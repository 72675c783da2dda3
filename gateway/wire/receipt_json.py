"""Receipts as JSON: what `GET /v1/receipts/{id}` answers, and what a store keeps."""

from typing import Any

import msgspec

from gateway.domain.money import format_usd
from gateway.domain.receipt import Receipt


def encode_receipt(receipt: Receipt) -> bytes:
    """Write a receipt. Every amount stands there twice: exactly, in nano-USD, and as a decimal text in USD.

    What can be worked out from the rest is written too, for the reader; reading it back passes it over.
    """
    members: dict[str, Any] = msgspec.to_builtins(receipt)
    saved_usd_nano = receipt.baseline_usd_nano - receipt.charge_usd_nano
    members |= {
        "charge_usd": format_usd(receipt.charge_usd_nano),
        "baseline_usd": format_usd(receipt.baseline_usd_nano),
        "saved_usd_nano": saved_usd_nano,
        "saved_usd": format_usd(saved_usd_nano),
    }
    if receipt.decision is not None:
        _without_embedding(members["decision"])
        for view, written in zip(receipt.decision.views, members["decision"]["views"], strict=True):
            cost_usd = format_usd(view.expected_cost_usd_nano)
            written |= {"p_low": view.p_low, "p_high": view.p_high, "expected_cost_usd": cost_usd}
    return msgspec.json.encode({"object": "receipt", **members})


def _without_embedding(decision: dict[str, Any]) -> None:
    """Leave out what no reader can make anything of."""
    for holder in (decision, *decision["views"]):
        del holder["score"]["embedding"]


def decode_receipt(raw: bytes) -> Receipt:
    """Read what `encode_receipt` wrote. Raises ValueError for anything else."""
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"not a receipt: {error}") from error


_DECODER = msgspec.json.Decoder(Receipt)
