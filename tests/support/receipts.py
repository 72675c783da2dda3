"""A receipt with sensible values, and a way to write it which is not the product's."""

import msgspec

from gateway.adapters.redis_receipts import ReceiptCodec
from gateway.domain.ids import KeyId, ModelAlias, RequestId, SnapshotId, TenantId, TierName
from gateway.domain.outcome import Outcome
from gateway.domain.receipt import Receipt, StageTimes
from gateway.domain.request import Operation
from gateway.domain.usage import TokenUsage

RECEIPT = Receipt(
    request_id=RequestId("req-1"),
    received_at_s=1_750_000_000.25,
    snapshot=SnapshotId("0123456789ab"),
    tenant=TenantId("alice"),
    key=KeyId("alice-1"),
    operation=Operation.CHAT,
    alias=ModelAlias("auto"),
    stream=False,
    outcome=Outcome.SUCCESS_UPSTREAM,
    error=None,
    status=200,
    cache="miss",
    tier=TierName("small"),
    served_model="small-model",
    decision=None,
    attempts=(),
    usage=TokenUsage(10, 5),
    charge_usd_nano=1_500,
    baseline_usd_nano=60_000,
    finish_reason="stop",
    times=StageTimes(end_ms=12.5),
    external_ms=11.0,
)

RECEIPT_CODEC = ReceiptCodec(
    encode=msgspec.json.Encoder().encode,
    decode=msgspec.json.Decoder(Receipt).decode,
)
"""msgspec's DecodeError is a ValueError, as the codec's contract asks."""
