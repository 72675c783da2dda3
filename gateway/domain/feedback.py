"""What people say of answers, and what must be kept of a request so that it can be learnt from.

answered request ─ kept when it is recorded ─┐
feedback ─ comes seconds or hours later ─────┴─▶ label ─▶ reservoir (moves decisions), training records
"""

from enum import StrEnum

from gateway.domain.ability import ClassifierOutcome
from gateway.domain.ids import RequestId, RouteName, TenantId, TierName
from gateway.domain.noun import noun


@noun
class AnsweredRequest:
    """What is kept of a request that a tier answered, for an opinion that may come later.

    `latent`, `familiarity` and `embedding` (int8 numbers, may be empty) are where it lay when it was decided, in the
    space that `space` names: positions of different spaces cannot be compared. `artefact` is the digest of the
    difficulty model. `propensity` is the probability with which the decision chose this tier. `text` is empty unless
    the tenant's policy lets training records hold its prompts.
    """

    request_id: RequestId
    tenant: TenantId
    at_s: float
    route: RouteName | None
    tier: TierName
    model: str
    reference: str
    latent: tuple[float, ...]
    familiarity: float
    embedding: bytes
    space: str
    artefact: str
    classifier: ClassifierOutcome
    propensity: float
    input_tokens: int
    output_tokens: int
    charge_usd_nano: int
    duration_ms: float
    finish_reason: str | None
    text: str = ""


@noun
class Feedback:
    """An opinion of one answer as it was recorded. `score` is 0 (useless) to 1 (as good as can be)."""

    score: float
    comment: str
    at_s: float


@noun
class Label:
    """A request with the tier that answered it and how good the answer was: what decisions near it learn from.

    `model` is the tier's model at the time: a tier that has another model since is another tier.
    """

    request_id: RequestId
    tenant: TenantId
    tier: TierName
    model: str
    reference: str
    score: float
    latent: tuple[float, ...]
    familiarity: float
    embedding: bytes
    space: str
    artefact: str
    at_s: float

    @property
    def has_position(self) -> bool:
        """Tell whether the label lies anywhere: what the difficulty model was not asked about does not."""
        return self.familiarity > 0.0 and bool(self.latent)


def label_of(answered: AnsweredRequest, feedback: Feedback) -> Label:
    """Join an answered request with what was said of its answer."""
    return Label(
        request_id=answered.request_id,
        tenant=answered.tenant,
        tier=answered.tier,
        model=answered.model,
        reference=answered.reference,
        score=feedback.score,
        latent=answered.latent,
        familiarity=answered.familiarity,
        embedding=answered.embedding,
        space=answered.space,
        artefact=answered.artefact,
        at_s=feedback.at_s,
    )


class FeedbackOutcome(StrEnum):
    """What became of one call of the feedback endpoint, after its key was known."""

    ACCEPTED = "accepted"
    """The first word on this answer."""
    REPLACED = "replaced"
    """Another score than before: it counts in the place of the former."""
    REPEATED = "repeated"
    """The same score again: nothing changed."""
    INVALID = "invalid"
    """The body was not as it must be."""
    UNKNOWN = "unknown"
    """No such request of this tenant is remembered."""
    UNANSWERED = "unanswered"
    """The request is known, and no tier gave it an answer."""
    UNAVAILABLE = "unavailable"
    """Where feedback is kept did not answer."""
