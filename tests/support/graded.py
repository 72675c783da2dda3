"""A catalogue whose references' answers were graded: a cheap model that fails at hard requests, and a good one."""

import random
from collections.abc import Callable, Mapping
from typing import Final

from gateway.domain.ability import Ability, Score, acceptance
from gateway.domain.calibration import CalibrationRequest, Catalogue, Graded
from gateway.domain.tier import Tier
from tests.support.tiers import a_tier

WEAK: Final = Ability("weak", 1.0, (1.0,), 0.1, 0.68, ("maths",))
STRONG: Final = Ability("strong", 3.0, (0.3,), 0.1, 0.94, ("maths",))
ABILITIES: Final = (WEAK, STRONG)

Grade = Callable[[Ability, Score, random.Random], float]


def as_the_model_says(ability: Ability, score: Score, chance: random.Random) -> float:
    """Grade right or wrong with the very probability that the model predicts."""
    return float(chance.random() < acceptance(ability, score))


def a_catalogue(
    grade: Grade = as_the_model_says,
    *,
    requests: int = 1_500,
    tasks: tuple[str, ...] = ("maths",),
    graded_tasks: tuple[str, ...] | None = None,
    seed: int = 3,
) -> Catalogue:
    """Draw calibration requests of `tasks` in turn, and graded ones of `graded_tasks` (the same unless named)."""
    chance = random.Random(seed)

    def draw(count: int, kinds: tuple[str, ...]) -> tuple[CalibrationRequest, ...]:
        return tuple(
            CalibrationRequest(Score((chance.gauss(0.0, 1.5),), 1.0, "test"), 1_000, kinds[at % len(kinds)])
            for at in range(count)
        )

    calibration, graded = draw(600, tasks), draw(requests, tasks if graded_tasks is None else graded_tasks)
    scores: Mapping[str, list[float]] = {
        ability.reference: [grade(ability, each.score, chance) for each in graded] for ability in ABILITIES
    }
    references = {ability.reference: ability for ability in ABILITIES}
    return Catalogue(references, {}, {}, calibration, "", Graded(graded, scores))


def a_pair(weak: Ability = WEAK, strong: Ability = STRONG) -> tuple[Tier, Tier]:
    """Build a cheap tier and one ten times as dear."""
    return a_tier("cheap", 0, ability=weak), a_tier("dear", 1, ability=strong, output_usd_pico=10_000_000)
