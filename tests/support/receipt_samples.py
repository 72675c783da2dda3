"""Receipts with sensible values, of which a test states only what matters to it, and a way to write them.

The way is not the product's own.
"""

from dataclasses import replace
from typing import Any

import msgspec

from gateway.adapters.redis_receipts import ReceiptCodec
from gateway.core.routing import decide
from gateway.domain.conversation import ConversationNote, Verdict
from gateway.domain.ids import EndpointId, KeyId, ModelAlias, RequestId, RouteName, SnapshotId, TenantId, TierName
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.receipt import AttemptReport, Receipt, StageTimes
from gateway.domain.request import Operation
from gateway.domain.semantic import SemanticEnd, SemanticFinding
from gateway.domain.usage import TokenUsage
from tests.support.tiers import KNOWN, a_dial, a_request, a_tier, an_ability

_DECISION = decide(
    a_request(),
    KNOWN,
    (a_tier("small", 0), a_tier("large", 1, ability=an_ability(2.0, prior=0.8), output_usd_pico=10_000_000)),
    a_dial(1e6),
    route=RouteName("balanced"),
)


A_NOTE = ConversationNote(Verdict.KEPT, TierName("large"), 4_000, 3_600_000, 0.05, 0.18, 1)
"""A conversation that stayed where it was."""


A_NEAR_MISS = SemanticFinding(
    SemanticEnd.REFUSED, None, "0b" * 32, "0a" * 32, 90.0, 0.97, 0.41, 0.93, ("numbers differ: 2025 / 2024",)
)
"""A question that was much like another, and not the same."""


def an_attempt(
    number: int = 1, tier: str = "small", failure: FailureKind | None = None, position: int = 0
) -> AttemptReport:
    """Build the report of one upstream call."""
    endpoint = EndpointId(f"{tier}/{position}")
    content_ms = None if failure is not None else 40.0
    status = 200 if failure is None else None
    return AttemptReport(number, TierName(tier), endpoint, 1.0, 30.0, content_ms, 90.0, status, failure, "")


RECEIPT_CODEC = ReceiptCodec(
    encode=msgspec.json.Encoder().encode,
    decode=msgspec.json.Decoder(Receipt).decode,
)
"""msgspec's DecodeError is a ValueError, as the codec's contract asks."""

_RECEIPT = Receipt(
    request_id=RequestId("r-1"),
    received_at_s=1_800_000_000.25,
    snapshot=SnapshotId("0123456789ab"),
    tenant=TenantId("search"),
    key=KeyId("search/0"),
    operation=Operation.CHAT,
    alias=ModelAlias("auto"),
    stream=False,
    outcome=Outcome.SUCCESS_UPSTREAM,
    error=None,
    status=200,
    cache="miss",
    tier=TierName("small"),
    served_model="small-model",
    decision=_DECISION,
    attempts=(an_attempt(),),
    usage=TokenUsage(100, 20, cached_input_tokens=30, reasoning_tokens=5),
    charge_usd_nano=120_000,
    baseline_usd_nano=1_200_000,
    finish_reason="stop",
    times=StageTimes(0.02, 0.04, 0.05, 0.07, 0.09, 40.0, 90.25),
    external_ms=90.0,
)


def a_receipt(**changes: Any) -> Receipt:
    """Build the receipt of a plain, successful request, with these fields changed."""
    return replace(_RECEIPT, **changes)
