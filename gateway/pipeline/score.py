"""Stage 4, score: how hard is it. Asked only when the answer can change the decision."""

from gateway.domain.ability import unknown_score
from gateway.pipeline.journey import Looked, Scored
from gateway.pipeline.world import World

_NOT_ASKED = unknown_score("none")


async def score(looked: Looked, world: World) -> Scored:
    """Ask the difficulty model, unless only one tier is in question."""
    if looked.canonical.pin is not None:
        return Scored(looked, _NOT_ASKED)
    return Scored(looked, await world.scorer.score(looked.canonical.request))
