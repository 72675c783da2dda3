"""Stage 4, score: how hard is it. Asked only when the answer can change the decision."""

from dataclasses import replace
from functools import partial

from gateway.core.constraints import removal
from gateway.core.undecided import undecided
from gateway.domain.ability import ClassifierOutcome, Score
from gateway.pipeline.journey import Canonical, Looked, Scored
from gateway.pipeline.learn import corrected
from gateway.pipeline.world import World

_NOT_ASKED = Score((), 0.0, "none", ClassifierOutcome.NOT_ASKED)


async def score(looked: Looked, world: World) -> Scored:
    """Ask the difficulty model, unless only one tier is in question."""
    canonical = looked.canonical
    if canonical.pin is not None:
        return Scored(looked, _NOT_ASKED)
    # Tiers are looked up only if a stage asks: binding one name takes 0.1 µs, the look-up and the rule several.
    asks = partial(_is_open, canonical, world)
    found = await canonical.admitted.arrival.scorer.score(canonical.request, canonical.route.scorer, asks)
    embedding = found.embedding
    found = corrected(canonical, found, world)
    return Scored(looked, replace(found, embedding=b"") if embedding else found, embedding)


def _is_open(canonical: Canonical, world: World, score: Score) -> bool:
    """Tell whether a better score could change the choice among the tiers that can take the request.

    Health is left out: it takes longer to ask than it can save, and may have changed when the decision is made.
    """
    if not score.spread:
        return False
    route, request = canonical.route, canonical.request
    allowed, every = canonical.admitted.key.tenant.tiers, canonical.tiers
    able = [tier for name in route.tiers if removal(tier := every[name], request, allowed) is None]
    return undecided(corrected(canonical, score, world), able, route.dial, request)
