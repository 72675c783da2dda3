"""What the steps work on: two tiers, a tenant with a key, a receipt."""

import hashlib

from gateway.domain.ability import Ability
from gateway.domain.decision import Decision
from gateway.domain.ids import EndpointId, KeyId, ModelAlias, RequestId, SnapshotId, TenantId, TierName
from gateway.domain.ledger import Allowance
from gateway.domain.limits import EdgeLimits
from gateway.domain.money import Price
from gateway.domain.outcome import Outcome
from gateway.domain.receipt import AttemptReport, Receipt, ReceiptTerms, StageTimes
from gateway.domain.request import Need, Operation
from gateway.domain.tier import Endpoint, Tier, TierLimits
from gateway.domain.usage import TokenUsage
from gateway.policy.snapshot import PolicySnapshot, Tenant, VirtualKey

TENANT = TenantId("team")
KEY = KeyId("team/0")
LIMITS = EdgeLimits()
USAGE = TokenUsage(412, 96)
ALLOWANCE = Allowance(budget_usd_nano=10**15, requests_per_minute=10**9)
PRESENTED_KEY = b"a-key-of-the-usual-length-0123456789abcdef"
HEADERS = (
    (b"host", b"127.0.0.1:8080"),
    (b"authorization", b"Bearer " + PRESENTED_KEY),
    (b"accept", b"application/json"),
    (b"content-type", b"application/json"),
    (b"user-agent", b"OpenAI/Python 3.52.0"),
    (b"content-length", b"2000"),
)
"""What an official client sends, but for its dozen x-stainless headers."""
SCALE_OF_LOADINGS = 0.3
"""About what trained abilities have; the cost of the sum does not depend on it."""


def snapshot() -> PolicySnapshot:
    """Build a snapshot that knows one key."""
    key = VirtualKey(KEY, Tenant(TENANT, ALLOWANCE, None, None, may_pin=False, may_debug=False))
    return PolicySnapshot(
        id=SnapshotId("0123456789ab"),
        tiers={},
        routes={},
        aliases={},
        keys={hashlib.sha256(PRESENTED_KEY).digest(): key},
        open_key=None,
        limits=LIMITS,
        receipts=ReceiptTerms(),
    )


def receipt_of(decision: Decision, request_id: RequestId) -> Receipt:
    """Build the receipt of a plain request answered at the first attempt."""
    tier = decision.ladder[0]
    attempt = AttemptReport(0, tier, EndpointId(f"{tier}/0"), 0.1, 8.0, 8.1, 8.2, 200, None, "")
    return Receipt(
        request_id=request_id,
        received_at_s=1_800_000_000.0,
        snapshot=SnapshotId("0123456789ab"),
        tenant=TENANT,
        key=KEY,
        operation=Operation.CHAT,
        alias=ModelAlias("auto"),
        stream=False,
        outcome=Outcome.SUCCESS_UPSTREAM,
        error=None,
        status=200,
        cache="miss",
        tier=tier,
        served_model="simulated-small",
        decision=decision,
        attempts=(attempt,),
        usage=USAGE,
        charge_usd_nano=39_800,
        baseline_usd_nano=1_990_000,
        finish_reason="stop",
        times=StageTimes(0.02, 0.04, 0.05, 0.07, 0.09, 8.1, 8.3),
        external_ms=8.0,
    )


def two_tiers(latent: int) -> tuple[Tier, ...]:
    """Return a cheap tier and a dear one, whose abilities have that many loadings."""
    return (
        _tier("small", 0, -0.2, latent, Price(50_000, 10_000, 200_000)),
        _tier("large", 1, 1.4, latent, Price(2_500_000, 1_250_000, 10_000_000)),
    )


def _tier(name: str, rank: int, intercept: float, latent: int, price: Price) -> Tier:
    endpoint = Endpoint(EndpointId(f"{name}/0"), "http://127.0.0.1:9101/v1", "openai", None, "lean")
    return Tier(
        name=TierName(name),
        rank=rank,
        model=f"simulated-{name}",
        price=price,
        context_tokens=128_000,
        supports=Need.TOOLS,
        max_output_tokens=4_096,
        expected_output_tokens=300,
        ability=Ability(name, intercept, (SCALE_OF_LOADINGS,) * latent, 0.1, 0.6, ()),
        limits=TierLimits(ttft_s=20.0, ttft_s_per_input_token=0.0, stall_s=30.0, connect_s=1.0, in_flight=64),
        endpoints=(endpoint,),
    )
