"""Answered requests and labels with sensible values, of which a test states only what matters to it."""

from dataclasses import replace

from gateway.domain.ability import ClassifierOutcome
from gateway.domain.feedback import AnsweredRequest, Feedback, Label, label_of
from gateway.domain.ids import RequestId, RouteName, TenantId, TierName

ALICE, BOB = TenantId("alice"), TenantId("bob")

ANSWERED = AnsweredRequest(
    request_id=RequestId("req-1"),
    tenant=ALICE,
    at_s=1_750_000_000.25,
    route=RouteName("balanced"),
    tier=TierName("small"),
    model="small-model",
    reference="test",
    latent=(0.5,),
    familiarity=1.0,
    embedding=b"",
    space="space-1",
    artefact="0" * 64,
    classifier=ClassifierOutcome.FOLDED,
    propensity=1.0,
    input_tokens=10,
    output_tokens=5,
    charge_usd_nano=1_500,
    duration_ms=12.5,
    finish_reason="stop",
)
GOOD = Feedback(1.0, "", 1_750_000_060.5)


def a_label(
    name: str = "req-1",
    score: float = 1.0,
    *,
    tenant: TenantId = ALICE,
    tier: str = "small",
    latent: tuple[float, ...] = (0.5,),
    familiarity: float = 1.0,
    embedding: bytes = b"",
    space: str = "space-1",
    at_s: float = 1_750_000_060.5,
) -> Label:
    """Build a label of a tier whose model is named as `a_tier` names it."""
    answered = replace(
        ANSWERED,
        request_id=RequestId(name),
        tenant=tenant,
        tier=TierName(tier),
        model=f"{tier}-model",
        latent=latent,
        familiarity=familiarity,
        embedding=embedding,
        space=space,
    )
    return label_of(answered, Feedback(score, "", at_s))
