"""A receipt as it is told: with what would have changed its decision, which is worked out when somebody asks."""

from typing import Any

import msgspec

from gateway.app.decision_words import threshold, would_change
from gateway.core.routing import flips
from gateway.domain.receipt import Receipt
from gateway.wire.receipt_json import encode_receipt


def tell_receipt(receipt: Receipt) -> bytes:
    """Write a receipt for whoever asks for it. What is added to one that is kept is passed over when it is read."""
    kept = encode_receipt(receipt)
    decision = receipt.decision
    if decision is None:
        return kept
    document: dict[str, Any] = msgspec.json.decode(kept)
    told = document["decision"]
    for view, written in zip(decision.views, told["views"], strict=True):
        written["p_needed"] = threshold(view, decision)
    told["flips"] = [
        {"tier": flip.tier, "p_needed": flip.p_needed, "dial_needed": flip.dial_needed} for flip in flips(decision)
    ]
    told["would_change"] = list(would_change(decision))
    return msgspec.json.encode(document)
