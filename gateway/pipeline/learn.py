"""Learning from use: what is kept of an answered request, what labels make of a score, and what an opinion does.

`remember` and `corrected` are on the path of every request; `Opinions` is asked seldom.
"""

from collections import Counter
from dataclasses import replace

from gateway.domain.ability import Score
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.feedback import AnsweredRequest, Feedback, FeedbackOutcome, label_of
from gateway.domain.ids import TenantId
from gateway.domain.outcome import Outcome
from gateway.domain.receipt import Receipt
from gateway.pipeline.journey import Canonical, Decided, Trail
from gateway.pipeline.world import World
from gateway.ports import StoreUnavailable
from gateway.wire.feedback_json import Opinion

_TEXT_CHARS_MAX = 16_000
"""Of a prompt that may be kept; the difficulty model reads far less."""
_BACK_S = 1.0
_ALWAYS = 1.0
"""The decision has no chance in it."""


def remember(trail: Trail, receipt: Receipt, world: World) -> None:
    """Keep what feedback will need of a request that a tier answered, and now and then a row to train on."""
    if receipt.outcome is not Outcome.SUCCESS_UPSTREAM or trail.decided is None or receipt.tenant is None:
        return
    if not trail.arrival.operation.is_written or trail.relayed is None or trail.relayed.tier is None:
        return
    answered = _answered(trail, trail.decided, receipt, receipt.tenant)
    world.answered.put(answered)
    sample = trail.arrival.snapshot.feedback.sample
    if sample > 0.0 and world.chance() < sample:
        world.records.write(answered, None)


def _answered(trail: Trail, decided: Decided, receipt: Receipt, tenant: TenantId) -> AnsweredRequest:
    scored, snapshot = decided.scored, trail.arrival.snapshot
    canonical, usage, score = scored.looked.canonical, receipt.usage, scored.score
    assert trail.relayed is not None
    tier = trail.relayed.tier
    assert tier is not None
    may_keep_text = canonical.admitted.key.tenant.may_record_text
    return AnsweredRequest(
        receipt.request_id,
        tenant,
        receipt.received_at_s,
        decided.decision.route,
        tier.name,
        tier.model,
        tier.ability.reference,
        score.latent,
        score.familiarity,
        scored.embedding,
        snapshot.space,
        snapshot.artefact,
        score.outcome,
        _ALWAYS,
        usage.input_tokens,
        usage.output_tokens,
        receipt.charge_usd_nano,
        receipt.times.end_ms,
        receipt.finish_reason,
        canonical.request.user_text[:_TEXT_CHARS_MAX] if may_keep_text else "",
    )


def corrected(canonical: Canonical, score: Score, world: World) -> Score:
    """Add to a score what labels near it say of the route's tiers; the same score where there are none."""
    arrival = canonical.admitted.arrival
    snapshot, tenant = arrival.snapshot, canonical.admitted.key.tenant.id
    tiers = [canonical.tiers[name] for name in canonical.route.tiers]
    found = world.reservoir.corrections(tenant, tiers, score, snapshot.space, shared=snapshot.feedback.shared)
    return replace(score, corrections=found) if found else score


class Opinions:
    """Takes what callers say of answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.counts: Counter[FeedbackOutcome] = Counter()

    async def take(self, tenant: TenantId, opinion: Opinion) -> tuple[AnsweredRequest, Feedback, FeedbackOutcome]:
        """Record an opinion; return what is on record now.

        The same score again changes nothing; another counts in the place of the former. Raises GatewayError
        `not_found` for what this tenant has not asked, `invalid_value` for what no tier answered, and
        `feedback_unavailable`; then nothing was recorded that a repetition would not mend.
        """
        try:
            answered = await self._world.answered.get(tenant, opinion.request_id)
            if answered is None:
                raise await self._nothing_to_rate(tenant, opinion)
            feedback, outcome = await self._record(answered, opinion)
        except StoreUnavailable as error:
            self.counts[FeedbackOutcome.UNAVAILABLE] += 1
            message = "What keeps feedback does not answer; try again."
            raise GatewayError(ErrorCode.FEEDBACK_UNAVAILABLE, message, retry_after_s=_BACK_S) from error
        self.counts[outcome] += 1
        return answered, feedback, outcome

    async def _record(self, answered: AnsweredRequest, opinion: Opinion) -> tuple[Feedback, FeedbackOutcome]:
        world = self._world
        known = await world.answered.noted(answered.tenant, answered.request_id)
        if known is not None and known.score == opinion.score:
            return known, FeedbackOutcome.REPEATED
        said = Feedback(opinion.score, opinion.comment, world.clock.wall_s())
        # The label first: should the note not be made, the caller's next try makes both, and the label counts once.
        await world.reservoir.add(label_of(answered, said))
        before = await world.answered.note(answered.tenant, answered.request_id, said)
        world.records.write(answered, said)
        if before is None:
            return said, FeedbackOutcome.ACCEPTED
        return said, FeedbackOutcome.REPEATED if before.score == said.score else FeedbackOutcome.REPLACED

    async def _nothing_to_rate(self, tenant: TenantId, opinion: Opinion) -> GatewayError:
        receipt = await self._world.receipts.get(tenant, opinion.request_id)
        if receipt is None:
            self.counts[FeedbackOutcome.UNKNOWN] += 1
            message = (
                f"There is no request {opinion.request_id[:80]!r} to rate: it was never this tenant's, or it is older "
                "than what is remembered (policy: receipts.keep). Send the x-tiergate-request-id of an answer."
            )
            return GatewayError(ErrorCode.NOT_FOUND, message)
        self.counts[FeedbackOutcome.UNANSWERED] += 1
        message = (
            f"No tier answered the request {opinion.request_id!r} (outcome {receipt.outcome}, cache {receipt.cache}), "
            "so there is nothing to learn. Rate generated answers that came from a model."
        )
        return GatewayError(ErrorCode.INVALID_VALUE, message, param="request_id")
