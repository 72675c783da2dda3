"""Within stage 3, behind the exact cache: the kept answer to the same question in other words.

    may it be compared? → embed → the nearest in its scope → the verifier → hit | asked anew to compare | miss

Every doubt is a miss. What was found is kept with the request: its receipt tells it, near misses too.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from gateway.core.cache_rules import is_fresh
from gateway.core.hit_proof import HitProof, Terms, is_shadowed
from gateway.core.hit_proofs import HitClass
from gateway.core.semantic_rules import bar_to_compare, semantic_scope
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.question import Judgement
from gateway.domain.semantic import Neighbour, SemanticBar, SemanticEnd, SemanticFinding, SemanticTerms
from gateway.pipeline.journey import Asked, Looked, Sought
from gateway.pipeline.lookup import MISS, SEMANTIC, cache_scope
from gateway.pipeline.world import HitJudge, World
from gateway.wire.last_turn import take_apart

NEAREST: Final = 4
"""Entries that the verifier looks at, at most."""
LEAST_COSINE: Final = 0.4
"""What lies further away is another question, and not worth the verifier's time."""
WORTH_COMPARING: Final = 0.5
"""A less probable candidate is none: what a model answers in its place teaches nothing of hits."""
WITHIN_S: Final = 0.005
"""What the exact look-up and the fetching of a candidate's answer may take together."""
_SEED: Final = b"tiergate shadow 1"
_Judged: TypeAlias = tuple[Judgement, Neighbour]


async def seek(looked: Looked, world: World) -> Looked:
    """Look for the answer to the same question in other words, where there is none to the very same request."""
    if looked.cache != MISS or looked.control.exact_only:
        return looked
    terms = looked.canonical.route.semantic
    assert terms is not None, "asked only where the route has them"
    judge = world.semantic.judges.get(looked.canonical.admitted.arrival.snapshot.artefact)
    asked = await _read(looked, terms, judge, world)
    if isinstance(asked, SemanticFinding):
        return replace(looked, sought=Sought(asked))
    assert judge is not None, "who read the question"
    near = world.semantic.index.nearest(asked.scope, asked.vector, NEAREST)
    found = [each for each in near if each.cosine >= LEAST_COSINE]
    if not found:
        return replace(looked, sought=Sought(SemanticFinding(SemanticEnd.NOTHING, scope=asked.scope.digest), asked))
    return await _judge(looked, asked, found, judge, world)


async def _read(looked: Looked, terms: SemanticTerms, judge: HitJudge | None, world: World) -> Asked | SemanticFinding:
    """Read a question and its scope; or say why it is not compared."""
    canonical = looked.canonical
    if judge is None:
        return SemanticFinding(SemanticEnd.BARRED, SemanticBar.NO_VERIFIER)
    apart = take_apart(canonical.request)
    bar = bar_to_compare(canonical.request, None if apart is None else apart.question, terms)
    if bar is not None or apart is None:
        return SemanticFinding(SemanticEnd.BARRED, bar)
    vector = await judge.embedder.embed(apart.question)
    if vector is None:
        return SemanticFinding(SemanticEnd.UNREAD)
    whose = cache_scope(canonical.admitted.key, world.cache_master)
    pin = "" if canonical.pin is None else canonical.pin.tier
    scope = semantic_scope(
        whose,
        pin.encode() + b"\0" + apart.context,
        canonical.route.cache_epoch,
        judge.name,
    )
    hit_class = HitClass(whose.tenant, canonical.route.name, judge.name)
    return Asked(scope, hit_class, Terms(judge.verifier.calibration, terms.max_wrong), apart.question, vector)


async def _judge(looked: Looked, asked: Asked, found: Sequence[Neighbour], judge: HitJudge, world: World) -> Looked:
    """Serve the most probable of the candidates, or say why not."""
    assert looked.key is not None, "the exact cache was asked"
    route, wall_s = looked.canonical.route, world.clock.wall_s()
    assert route.semantic is not None
    cached = [judge.read(each.entry.text) for each in found]
    judgements = judge.verifier.judge(judge.read(asked.text), cached, [each.cosine for each in found])
    ranked = sorted(zip(judgements, found, strict=True), key=_probability, reverse=True)
    proof = world.semantic.proofs.proof_of(asked.hit_class, asked.terms, wall_s)
    best, nearest = ranked[0]
    finding = _told(SemanticEnd.REFUSED, asked, best, nearest, proof, wall_s)
    is_lot = is_shadowed(_SEED, looked.key.digest.encode(), route.semantic.shadow)
    if not proof.serves(best.probability):
        # A model is asked anyway. While nothing is served, all that it says teaches when something may be again.
        compares = best.probability >= WORTH_COMPARING and (is_lot or proof.threshold is None)
        return replace(looked, sought=Sought(finding, asked, nearest.entry, compares))
    if is_lot:
        finding = replace(finding, end=SemanticEnd.SHADOW)
        return replace(looked, sought=Sought(finding, asked, nearest.entry, compares=True))
    began_s = world.clock.now_s()
    certain = [pair for pair in ranked if proof.serves(pair[0].probability)]
    hit, (judgement, candidate) = await _fetch(looked, certain, world)
    waited_s = looked.waited_s + world.clock.now_s() - began_s
    end = SemanticEnd.GONE if hit is None else SemanticEnd.HIT
    sought = Sought(_told(end, asked, judgement, candidate, proof, wall_s), asked, candidate.entry)
    if hit is None:
        return replace(looked, waited_s=waited_s, sought=sought)
    key = ExactKey(looked.key.tenant, candidate.entry.answer)
    return replace(looked, cache=SEMANTIC, key=key, hit=hit, waited_s=waited_s, sought=sought)


async def _fetch(looked: Looked, certain: list[_Judged], world: World) -> tuple[CachedAnswer | None, _Judged]:
    """Return the answer of the first candidate that still has one; None in trouble, and when there is no time left."""
    assert looked.key is not None
    wall_s = world.clock.wall_s()
    try:
        async with asyncio.timeout(max(0.0, WITHIN_S - looked.waited_s)):
            for judged in certain:
                hit = await world.cache.get(ExactKey(looked.key.tenant, judged[1].entry.answer))
                if hit is not None and is_fresh(hit, looked.control, wall_s):
                    return hit, judged
    except TimeoutError:
        return None, certain[0]
    return None, certain[0]


def _probability(judged: _Judged) -> float:
    return judged[0].probability


def _told(
    end: SemanticEnd, asked: Asked, judgement: Judgement, near: Neighbour, proof: HitProof, wall_s: float
) -> SemanticFinding:
    return SemanticFinding(
        end,
        scope=asked.scope.digest,
        entry=near.entry.answer,
        age_s=max(0.0, wall_s - near.entry.stored_at_s),
        cosine=judgement.cosine,
        probability=judgement.probability,
        threshold=proof.threshold,
        differences=tuple(sorted(map(str, judgement.guards))),
    )
