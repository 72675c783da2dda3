"""Keep a good answer for whoever of this tenant asks the same again. Behind the client's back, after its last byte.

Whoever follows the answer is not to wait for that: it is kept for them at once.
"""

from functools import partial

from gateway.core.cache_rules import AnswerFacts, bar_to_write, jittered_ttl_s
from gateway.domain.flight import Ending
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.outcome import Outcome
from gateway.domain.semantic import SemanticEntry
from gateway.domain.tier import Tier
from gateway.pipeline.flight import Flight
from gateway.pipeline.journey import Canonical, Looked, Relayed, Trail
from gateway.pipeline.world import World
from gateway.wire.assemble import assemble


def keep(trail: Trail, world: World) -> None:
    """Store the answer if the rules of the cache allow it; a streamed one a moment later, unless it is waited for.

    To put a stream together takes as long as a whole request, and the client that has just read its end is likely to
    ask again at once: it would wait. Until it is stored, whoever asks the same follows.
    """
    looked, canonical, relayed, flight = trail.looked, trail.canonical, trail.relayed, trail.flight
    assert looked is not None
    assert canonical is not None
    if trail.is_kept:
        return
    if relayed is None or relayed.tier is None or not _may_be_kept(trail, canonical, looked, relayed):
        if flight is not None:
            world.flights.end(flight, Ending.NOT_KEPT)
        return
    trail.is_kept = True
    if canonical.request.stream and not trail.is_followed:
        world.later(partial(_store, looked, relayed, relayed.tier, flight, world))
    else:
        _store(looked, relayed, relayed.tier, flight, world)


def _may_be_kept(trail: Trail, canonical: Canonical, looked: Looked, relayed: Relayed) -> bool:
    if looked.key is None or not relayed.answer:
        return False
    # An answer that the route would rather not have had is given for want of a better one, but not again.
    is_flawed = all(attempt.failure is not None for attempt in relayed.attempts)
    is_complete = trail.outcome is Outcome.SUCCESS_UPSTREAM and not is_flawed
    # A stream is longer than the body it becomes, so what passes here is never too large afterwards.
    facts = AnswerFacts(is_complete, relayed.finish_reason, relayed.has_tool_calls, len(relayed.answer))
    return bar_to_write(canonical.route.cache, canonical.request, looked.control, facts) is None


def _store(looked: Looked, relayed: Relayed, tier: Tier, flight: Flight | None, world: World) -> None:
    canonical, key = looked.canonical, looked.key
    ttl_s = canonical.route.cache.ttl_s
    assert key is not None
    assert ttl_s is not None, "a key is made only where the cache is on"
    body = assemble(relayed.answer, relayed.usage) if canonical.request.stream else relayed.answer
    kept = None
    if body is not None:
        kept = _put(looked, relayed, tier, key, body, jittered_ttl_s(ttl_s, world.chance()), world)
    # Else it is a stream that the client could read, but that cannot be told again as one body.
    if flight is not None:
        world.flights.end(flight, Ending.NOT_KEPT if kept is None else Ending.KEPT, kept)


def _put(
    looked: Looked, relayed: Relayed, tier: Tier, key: ExactKey, body: bytes, ttl_s: float, world: World
) -> CachedAnswer:
    canonical, usage = looked.canonical, relayed.usage
    kept = CachedAnswer(
        body,
        tier.name,
        tier.model,
        usage.input_tokens,
        usage.output_tokens,
        world.clock.wall_s(),
        relayed.upstream_s,
        canonical.route.name,
        looked.purge,
    )
    world.cache.put(key, kept, ttl_s)
    terms, sought = canonical.route.semantic, looked.sought
    if terms is not None and sought is not None and sought.asked is not None:
        asked = sought.asked
        entry = SemanticEntry(key.digest, asked.text, asked.vector, kept.stored_at_s, min(terms.ttl_s, ttl_s))
        world.semantic.index.put(asked.scope, entry)
    return kept
