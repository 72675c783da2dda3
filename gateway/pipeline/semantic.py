"""Within stage 3, behind the exact cache: the kept answer to the same question in other words.

    may it be compared? → embed → the nearest in its scope → the verifier → hit | asked anew to compare | miss

Every doubt is a miss. What was found is kept with the request: its receipt tells it, near misses too.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from gateway.core.cache_rules import CacheControl, is_fresh
from gateway.core.hit_proof import HitProof, Terms, is_shadowed
from gateway.core.hit_proofs import HitClass
from gateway.core.semantic_rules import bar_to_compare, semantic_scope
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import TierName
from gateway.domain.question import Judgement
from gateway.domain.request import CanonicalRequest
from gateway.domain.semantic import Neighbour, SemanticBar, SemanticEnd, SemanticFinding
from gateway.pipeline.journey import Asked, Looked, Sought
from gateway.pipeline.lookup import MISS, SEMANTIC, cache_scope
from gateway.pipeline.world import HitJudge, World
from gateway.policy.snapshot import Route, VirtualKey
from gateway.wire.last_turn import take_apart

NEAREST: Final = 4
"""Entries that the verifier looks at, at most."""
LEAST_COSINE: Final = 0.65
"""What lies further away is not worth the verifier's time: of the pairs that it finds probable enough to serve fewer
than one in a hundred do, and of the candidates in a scope of 5,000 questions three of five."""
WORTH_COMPARING: Final = 0.5
"""A less probable candidate is none: what a model answers in its place teaches nothing of hits."""
WITHIN_S: Final = 0.005
"""What the exact look-up, the search and the fetching of a candidate's answer may take together."""
_SEED: Final = b"tiergate shadow 1"
_Judged: TypeAlias = tuple[Judgement, Neighbour]


@dataclass(slots=True)
class Asking:
    """A request without an exact answer, as far as it matters here.

    `pin` is the tier that its caller insists on, `artefact` the digest of its difficulty model, `place` where its own
    answer would lie. It has waited `waited_s` for the exact cache.
    """

    request: CanonicalRequest
    route: Route
    pin: TierName | None
    key: VirtualKey
    artefact: str
    place: ExactKey
    control: CacheControl
    waited_s: float = 0.0


@dataclass(slots=True)
class Found:
    """What the look came to; `hit` lies under the finding's `entry`, and was waited for so long."""

    sought: Sought
    hit: CachedAnswer | None = None
    waited_s: float = 0.0


async def seek(looked: Looked, world: World) -> Looked:
    """Look for the answer to the same question in other words, where there is none to the very same request."""
    canonical, place = looked.canonical, looked.key
    if looked.cache != MISS or looked.control.exact_only:
        return looked
    assert place is not None, "the exact cache was asked"
    admitted = canonical.admitted
    asking = Asking(
        canonical.request,
        canonical.route,
        None if canonical.pin is None else canonical.pin.tier,
        admitted.key,
        admitted.arrival.snapshot.artefact,
        place,
        looked.control,
        looked.waited_s,
    )
    found = await look_for(asking, world)
    waited_s = looked.waited_s + found.waited_s
    if found.hit is None:
        return replace(looked, waited_s=waited_s, sought=found.sought)
    key = ExactKey(place.tenant, found.sought.finding.entry)
    return replace(looked, cache=SEMANTIC, key=key, hit=found.hit, waited_s=waited_s, sought=found.sought)


async def look_for(asking: Asking, world: World) -> Found:
    """Look for the answer to the same question in other words. The route must allow that."""
    judges = world.semantic.judges.get(asking.artefact)
    judge = None if judges is None else judges.on(asking.route)
    asked = await _read(asking, judge, world)
    if isinstance(asked, SemanticFinding):
        return Found(Sought(asked))
    assert judge is not None, "who read the question"
    index, began_s = world.semantic.index, world.clock.now_s()
    near = await index.nearest(asked.scope, asked.vector, NEAREST, WITHIN_S - asking.waited_s)
    searched_s = world.clock.now_s() - began_s if index.is_remote else 0.0
    candidates = [each for each in near if each.cosine >= LEAST_COSINE]
    if not candidates:
        nothing = SemanticFinding(SemanticEnd.NOTHING, scope=asked.scope.digest)
        return Found(Sought(nothing, asked), waited_s=searched_s)
    asking.waited_s += searched_s
    found = await _judge(asking, asked, candidates, judge, world)
    found.waited_s += searched_s
    return found


async def _read(asking: Asking, judge: HitJudge | None, world: World) -> Asked | SemanticFinding:
    """Read a question and its scope; or say why it is not compared."""
    request, route = asking.request, asking.route
    assert route.semantic is not None, "asked only where the route has terms"
    if judge is None:
        return SemanticFinding(SemanticEnd.BARRED, SemanticBar.NO_VERIFIER)
    apart = take_apart(request)
    bar = bar_to_compare(request, None if apart is None else apart.question, route.semantic)
    if bar is not None or apart is None:
        return SemanticFinding(SemanticEnd.BARRED, bar)
    vector = await judge.embedder.embed(apart.question)
    if vector is None:
        return SemanticFinding(SemanticEnd.UNREAD)
    whose = cache_scope(asking.key, world.cache_master)
    context = (asking.pin or "").encode() + b"\0" + apart.context
    scope = semantic_scope(whose, context, route.cache_epoch, judge.name)
    terms = Terms(judge.verifier.calibration, route.semantic.max_wrong)
    return Asked(scope, HitClass(whose.tenant, route.name, judge.name), terms, apart.question, vector)


async def _judge(asking: Asking, asked: Asked, candidates: Sequence[Neighbour], judge: HitJudge, world: World) -> Found:
    """Serve the most probable of the candidates, or say why not."""
    terms, wall_s = asking.route.semantic, world.clock.wall_s()
    assert terms is not None
    cached = [judge.read(each.entry.text) for each in candidates]
    judgements = judge.verifier.judge(judge.read(asked.text), cached, [each.cosine for each in candidates])
    ranked = sorted(zip(judgements, candidates, strict=True), key=_probability, reverse=True)
    proof = world.semantic.proofs.proof_of(asked.hit_class, asked.terms, wall_s)
    best = ranked[0]
    finding = _told(SemanticEnd.REFUSED, asked, best, proof, wall_s)
    is_lot = is_shadowed(_SEED, asking.place.digest.encode(), terms.shadow)
    if not proof.serves(best[0].probability):
        # A model is asked anyway. While nothing is served, all that it says teaches when something may be again.
        compares = best[0].probability >= WORTH_COMPARING and (is_lot or proof.threshold is None)
        return Found(Sought(finding, asked, best[1].entry, compares))
    if is_lot:
        return Found(Sought(replace(finding, end=SemanticEnd.SHADOW), asked, best[1].entry, compares=True))
    began_s = world.clock.now_s()
    hit, judged = await _fetch(asking, [each for each in ranked if proof.serves(each[0].probability)], world)
    end = SemanticEnd.GONE if hit is None else SemanticEnd.HIT
    sought = Sought(_told(end, asked, judged, proof, wall_s), asked, judged[1].entry)
    return Found(sought, hit, world.clock.now_s() - began_s)


async def _fetch(asking: Asking, certain: list[_Judged], world: World) -> tuple[CachedAnswer | None, _Judged]:
    """Return the answer of the first candidate that still has one; None in trouble, and when there is no time left."""
    wall_s = world.clock.wall_s()
    try:
        async with asyncio.timeout(max(0.0, WITHIN_S - asking.waited_s)):
            for judged in certain:
                hit = await world.cache.get(ExactKey(asking.place.tenant, judged[1].entry.answer))
                if hit is not None and is_fresh(hit, asking.control, wall_s):
                    return hit, judged
    except TimeoutError:
        return None, certain[0]
    return None, certain[0]


def _probability(judged: _Judged) -> float:
    return judged[0].probability


def _told(end: SemanticEnd, asked: Asked, judged: _Judged, proof: HitProof, wall_s: float) -> SemanticFinding:
    judgement, near = judged
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
