"""The schedule of a campaign: every kind in every phase, in an order that the seed alone decides."""

import itertools
import random
from collections import Counter

from tests.chaos.faults import HOUSE, OUTSIDE, Kind, draw


def test_a_seed_draws_the_same_faults_again() -> None:
    one, other = (list(itertools.islice(draw(random.Random(5), OUTSIDE), 200)) for _ in range(2))
    assert one == other
    assert one != list(itertools.islice(draw(random.Random(6), OUTSIDE), 200))


def test_every_kind_comes_in_each_of_its_phases_before_any_comes_again() -> None:
    pairs = [(kind, phase) for kind, phases in OUTSIDE.items() for phase in phases]
    drawn = list(itertools.islice(draw(random.Random(5), OUTSIDE), 3 * len(pairs)))
    assert Counter((planned.kind, planned.phase) for planned in drawn) == dict.fromkeys(pairs, 3)
    assert {(planned.kind, planned.phase) for planned in drawn[: len(pairs)]} == set(pairs)
    assert [planned.number for planned in drawn] == list(range(len(drawn)))


def test_every_kind_is_of_the_house_or_from_outside() -> None:
    assert set(OUTSIDE) | set(HOUSE) == set(Kind)
    assert not set(OUTSIDE) & set(HOUSE)
