"""How hard a request is as one number, and as a distribution over ordered levels.

The number is the share of the reference models that are expected to fail at the request: the mean of 1 − P(acceptable)
over them. It needs no tiers, so it means the same to every gateway with the same references.

The distribution takes the references to fail in order, the weakest first: with u uniform in [0, 1), a reference answers
well where u is below its P(acceptable). So the share that fails is i/n with the probability that u lies between the
i-th smallest P and the next. Its mean is the number above, and no joint distribution of the references' failures with
these probabilities is wider. Level k of L stands for a share of k/(L − 1); what lies between two levels goes to both
of them, to each by how near it is, which keeps the mean.
"""

from collections.abc import Sequence
from itertools import pairwise

from gateway.domain.ability import Ability, Score, acceptance
from gateway.domain.difficulty import Difficulty


def difficulty(references: Sequence[Ability], score: Score, levels: int) -> Difficulty:
    """Say how hard a request is over so many levels, two or more, by the references, of which there is one or more."""
    chances = sorted(acceptance(reference, score) for reference in references)
    probabilities = _over_levels(chances, levels)
    mean_level = sum([level * probability for level, probability in enumerate(probabilities)])
    return Difficulty(1.0 - sum(chances) / len(chances), probabilities, mean_level, confidence(probabilities))


def failing_share(references: Sequence[Ability], score: Score) -> float:
    """Return the share of the references that are expected to fail."""
    return 1.0 - sum([acceptance(reference, score) for reference in references]) / len(references)


def _over_levels(chances: Sequence[float], levels: int) -> tuple[float, ...]:
    """Return the probability of each of so many levels, from the easiest to the hardest. `chances` rise."""
    found = [0.0] * levels
    for failing, (low, high) in enumerate(pairwise((0.0, *chances, 1.0))):
        place = failing * (levels - 1) / len(chances)
        level = min(int(place), levels - 2)
        beyond = place - level
        found[level] += (high - low) * (1.0 - beyond)
        found[level + 1] += (high - low) * beyond
    return tuple(found)


def confidence(probabilities: Sequence[float]) -> float:
    """Say how far a distribution over levels is gathered around its likeliest one: 1 wholly, 0 no more than evenly.

    As System One defines it: 1 less the mean distance from the likeliest level, in parts of the mean distance that an
    even distribution has from its middle.
    """
    levels = range(len(probabilities))
    likeliest = max(levels, key=probabilities.__getitem__)
    middle = (len(probabilities) - 1) / 2.0
    distance = sum([probabilities[level] * abs(level - likeliest) for level in levels])
    even = sum([abs(level - middle) for level in levels]) / len(probabilities)
    return max(0.0, 1.0 - distance / even)
