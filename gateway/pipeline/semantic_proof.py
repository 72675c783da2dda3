"""Behind the client's back: the answer that a model gave is held against the kept one that could have been given.

Each comparison is a label, by which a tenant's semantic hits on a route go on, or end.
"""

from dataclasses import replace
from math import sqrt

from gateway.core.hit_proof import HitLabel
from gateway.core.hit_proofs import HitClass
from gateway.core.same_answer import is_same_answer
from gateway.domain.identity import ExactKey
from gateway.domain.outcome import Outcome
from gateway.domain.receipt import Receipt
from gateway.domain.semantic import SemanticEnd, SemanticScope
from gateway.pipeline.journey import Sought, Trail
from gateway.pipeline.lookup import cache_scope
from gateway.pipeline.world import World
from gateway.policy.snapshot import VirtualKey
from gateway.ports_semantic import Embedder
from gateway.wire.answer_text import answer_text
from gateway.wire.assemble import assemble

_SIGN = 128
"""Bytes hold int8 numbers."""


async def compare(trail: Trail, sought: Sought, world: World) -> None:
    """Label the candidate, if both answers can be read; note in the finding whether they agree."""
    asked, entry, probability = sought.asked, sought.candidate, sought.finding.probability
    assert asked is not None
    assert entry is not None
    assert probability is not None, "a candidate was judged"
    trail.last_byte_s = trail.last_byte_s or world.clock.now_s()
    given = _given(trail)
    if given is None:
        return
    kept = await world.cache.get(ExactKey(asked.scope.tenant, entry.answer))
    said = None if kept is None else answer_text(kept.body)
    if said is None:
        return
    judges = world.semantic.judges.get(trail.arrival.snapshot.artefact)
    # Another difficulty model may have come into force since the question was judged. Answers are compared by the
    # static vectors on every route: they read a long text whole, and at once.
    cosine = None if judges is None else await _cosine(judges.static.embedder, given, said)
    agrees = is_same_answer(given, said, cosine)
    world.semantic.proofs.label(asked.hit_class, HitLabel(probability, not agrees), world.clock.wall_s())
    sought.finding = replace(sought.finding, agrees=agrees)


def take_report(receipt: Receipt, key: VirtualKey, world: World) -> bool:
    """Count a semantic hit that its tenant calls wrong, and forget its question; tell whether the request had one.

    That the answer is given to nobody else is the exact cache's to see to.
    """
    finding = receipt.semantic
    if finding is None or finding.end is not SemanticEnd.HIT or finding.probability is None or receipt.route is None:
        return False
    partition = cache_scope(key, world.cache_master).tenant
    world.semantic.index.forget(SemanticScope(partition, finding.scope), finding.entry)
    snapshot = world.policy.snapshot
    judges, route = world.semantic.judges.get(snapshot.artefact), snapshot.routes.get(receipt.route)
    if judges is not None and route is not None:
        hit_class = HitClass(partition, receipt.route, judges.on(route).name)
        world.semantic.proofs.label(hit_class, HitLabel(finding.probability, is_wrong=True), world.clock.wall_s())
    return True


def _given(trail: Trail) -> str | None:
    """Return the text of the model's answer, if that is whole."""
    relayed, canonical = trail.relayed, trail.canonical
    assert canonical is not None
    if trail.outcome is not Outcome.SUCCESS_UPSTREAM or relayed is None or not relayed.answer:
        return None
    if relayed.finish_reason != "stop" or relayed.has_tool_calls:
        return None
    body = assemble(relayed.answer, relayed.usage) if canonical.request.stream else relayed.answer
    return None if body is None else answer_text(body)


async def _cosine(embedder: Embedder, first: str, second: str) -> float | None:
    """Return how near two texts lie to each other; None where one of them has no place."""
    one, other = await embedder.embed(first), await embedder.embed(second)
    if one is None or other is None:
        return None
    a, b = ([(byte ^ _SIGN) - _SIGN for byte in vector] for vector in (one, other))
    return sum(x * y for x, y in zip(a, b, strict=True)) / sqrt(sum(x * x for x in a) * sum(y * y for y in b))
