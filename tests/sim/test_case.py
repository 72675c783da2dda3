"""A case is its seed's and nothing else's, and survives being written down."""

from tests.sim.case import Mode, case_of
from tests.sim.generator import SHAPES, case_of_seed, shape_of
from tests.sim.policies import VERSIONS, snapshot


def test_a_seed_always_draws_the_same_case() -> None:
    assert [case_of_seed(seed) for seed in range(50)] == [case_of_seed(seed) for seed in range(50)]


def test_a_case_comes_back_from_its_line() -> None:
    for seed in range(50):
        case = case_of_seed(seed, shared=seed % 2 == 0)
        assert "\n" not in case.line()
        assert case_of(case.line()) == case


def test_every_shape_compiles_in_every_version() -> None:
    for number in range(0, SHAPES, 8):
        for is_tight in (False, True):
            versions = [snapshot(shape_of(number, is_tight=is_tight), version) for version in range(VERSIONS)]
            assert len({one.id for one in versions}) == VERSIONS


def test_liveness_asks_once_more_when_all_is_quiet() -> None:
    cases = [case for case in map(case_of_seed, range(100)) if case.mode is Mode.LIVENESS]
    assert cases
    for case in cases:
        late = [ask for ask in case.asks if ask.at_s >= case.quiet_from_s]
        assert len(late) == 3
        assert case.drain_at_s < 0
