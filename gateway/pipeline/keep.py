"""Keep a good answer for whoever of this tenant asks the same again. Behind the client's back, after its last byte."""

from gateway.core.cache_rules import AnswerFacts, bar_to_write, jittered_ttl_s
from gateway.domain.identity import CachedAnswer
from gateway.domain.outcome import Outcome
from gateway.pipeline.journey import Trail
from gateway.pipeline.lookup import cache_terms
from gateway.pipeline.world import World
from gateway.wire.assemble import assemble


def keep(trail: Trail, world: World) -> None:
    """Store the answer if the rules of the cache allow it."""
    looked, canonical, relayed = trail.looked, trail.canonical, trail.relayed
    assert looked is not None
    assert canonical is not None
    if looked.key is None or relayed is None or relayed.tier is None or not relayed.answer:
        return
    request, terms = canonical.request, cache_terms(canonical.route)
    assert terms.ttl_s is not None, "a key is made only where the cache is on"
    body = assemble(relayed.answer, relayed.usage) if request.stream else relayed.answer
    if body is None:
        # A stream that the client could read, but that cannot be told again as one body.
        return
    is_complete = trail.outcome is Outcome.SUCCESS_UPSTREAM
    facts = AnswerFacts(is_complete, relayed.finish_reason, relayed.has_tool_calls, len(body))
    if bar_to_write(terms, request, looked.control, facts) is not None:
        return
    kept = CachedAnswer(
        body,
        relayed.tier.name,
        relayed.tier.model,
        relayed.usage.input_tokens,
        relayed.usage.output_tokens,
        world.clock.wall_s(),
    )
    world.cache.put(looked.key, kept, jittered_ttl_s(terms.ttl_s, world.chance()))
