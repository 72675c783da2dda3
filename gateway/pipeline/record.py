"""Stage 9, record: the receipt, and whoever counts it. Runs for every request, last, and never fails it."""

from gateway.core.cache_rules import age_s
from gateway.domain.batch import BatchNote, Priority
from gateway.domain.identity import CachedAnswer
from gateway.domain.ids import TierName
from gateway.domain.receipt import Receipt, StageTimes
from gateway.pipeline.converse import follow
from gateway.pipeline.journey import Trail
from gateway.pipeline.learn import remember
from gateway.pipeline.world import World

TRACED_CHARS_MAX = 16_384
"""Of a prompt that may go to the collector."""
_STAGES = 5
"""Stages whose end is timed one by one: admit, canonicalise, lookup, score, decide."""


def record(trail: Trail, world: World) -> None:
    """Write the receipt, hand it on, and keep what feedback and the conversation's next turn will need."""
    now_s = trail.last_byte_s or world.clock.now_s()
    receipt = receipt_of(trail, now_s)
    _note_gap(trail, receipt, world, now_s)
    world.receipts.put(receipt)
    remember(trail, receipt, world)
    follow(trail, world)
    _trace_text(trail, receipt, world)
    world.recorder.record(receipt)


def _trace_text(trail: Trail, receipt: Receipt, world: World) -> None:
    """Hand on the prompt where the tenant's policy says so, and for as long as it does."""
    if trail.canonical is None:
        return
    until_s = trail.canonical.admitted.key.tenant.trace_text_until_s
    if until_s is not None and receipt.received_at_s < until_s:
        world.trace_text(receipt, trail.canonical.request.user_text[:TRACED_CHARS_MAX])


def receipt_of(trail: Trail, now_s: float) -> Receipt:
    """Tell the whole story of a request that has ended."""
    arrival, admitted, canonical, relayed = trail.arrival, trail.admitted, trail.canonical, trail.relayed
    hit = None if trail.looked is None else trail.looked.hit
    tier = None if relayed is None or relayed.tier is None else relayed.tier.name
    served = None if relayed is None else relayed.served_model
    native = None if canonical is None else canonical.request.native
    return Receipt(
        request_id=arrival.request_id,
        received_at_s=arrival.received_wall_s,
        snapshot=arrival.snapshot.id,
        tenant=None if admitted is None else admitted.key.tenant.id,
        key=None if admitted is None else admitted.key.id,
        operation=arrival.operation,
        alias=None if canonical is None else canonical.request.alias,
        stream=False if canonical is None else canonical.request.stream,
        outcome=trail.outcome,
        error=None if trail.error is None else trail.error.code,
        status=trail.status,
        cache="off" if trail.looked is None else trail.looked.cache,
        tier=tier if hit is None else TierName(hit.tier),
        served_model=served if hit is None else hit.served_model,
        decision=None if trail.decided is None else trail.decided.decision,
        attempts=() if relayed is None else relayed.attempts,
        usage=trail.usage,
        charge_usd_nano=trail.charge_usd_nano,
        baseline_usd_nano=trail.baseline_usd_nano,
        finish_reason=None if relayed is None else relayed.finish_reason,
        times=_times(trail, now_s),
        external_ms=_waited_s(trail) * 1e3,
        classifier=None if trail.scored is None else trail.scored.score.outcome,
        waste_usd_nano=0 if relayed is None else sum([attempt.waste_usd_nano for attempt in relayed.attempts]),
        no_retry=None if relayed is None else relayed.no_retry,
        semantic=None if trail.looked is None or trail.looked.sought is None else trail.looked.sought.finding,
        cache_entry=_entry(trail),
        cache_age_s=None if hit is None else int(age_s(hit, arrival.received_wall_s)),
        route=None if canonical is None else canonical.route.name,
        cache_saved_usd_nano=0 if hit is None else _saved_usd_nano(trail, hit),
        cache_saved_ms=0.0 if hit is None else hit.took_s * 1e3,
        trace=arrival.trace,
        not_carried=() if native is None else native.not_carried,
        priority=Priority.INTERACTIVE if arrival.seat is None else Priority.BATCH,
        batch=None if arrival.seat is None else BatchNote(arrival.seat.ending, arrival.seat.waited_s * 1e3),
    )


def _entry(trail: Trail) -> str | None:
    looked = trail.looked
    if looked is None or looked.key is None or (looked.hit is None and not trail.is_kept):
        return None
    return looked.key.digest


def _saved_usd_nano(trail: Trail, hit: CachedAnswer) -> int:
    tier = None if trail.canonical is None else trail.canonical.tiers.get(TierName(hit.tier))
    return 0 if tier is None else tier.price.charge_usd_nano(trail.usage) - trail.charge_usd_nano


def _note_gap(trail: Trail, receipt: Receipt, world: World, now_s: float) -> None:
    """Tell how fast the tokens of a stream came, on the mean."""
    relayed, gaps, first_ms = trail.relayed, receipt.usage.output_tokens - 1, receipt.times.first_content_ms
    if relayed is None or relayed.tier is None or first_ms is None or not receipt.stream or gaps < 1:
        return
    if receipt.batch is not None:
        # Objectives are for those who wait.
        return
    # Whatever was tried beside the answer ended before it.
    ended_ms = max(attempt.ended_ms for attempt in relayed.attempts)
    world.slos.finished(relayed.tier, (ended_ms - first_ms) / gaps / 1e3, now_s)


def _times(trail: Trail, now_s: float) -> StageTimes:
    zero_s = trail.arrival.received_s
    ends_ms: list[float | None] = [(mark_s - zero_s) * 1e3 for mark_s in trail.marks_s]
    admit_ms, canonicalise_ms, lookup_ms, score_ms, decide_ms = ends_ms + [None] * (_STAGES - len(ends_ms))
    first_s = None if trail.relayed is None else trail.relayed.first_content_s
    first_ms = None if first_s is None else (first_s - zero_s) * 1e3
    end_ms = (now_s - zero_s) * 1e3
    return StageTimes(admit_ms, canonicalise_ms, lookup_ms, score_ms, decide_ms, first_ms, end_ms)


def _waited_s(trail: Trail) -> float:
    """Sum the time spent on others. The three follow one another, so the sum is their union."""
    looked, decided, relayed = trail.looked, trail.decided, trail.relayed
    return (
        (0.0 if looked is None else looked.waited_s)
        + (0.0 if decided is None else decided.waited_s)
        + (0.0 if relayed is None else relayed.upstream_s)
    )
