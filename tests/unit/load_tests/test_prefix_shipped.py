"""The gateway's own way, in the world that routers are compared in."""

import pytest

from load_tests.prefix_rules import RULES, RuleRouter
from load_tests.prefix_shipped import Gateways
from load_tests.prefix_world import replay
from tests.unit.load_tests.prefix_traces import talks

TRACE = talks(41, 12, every_s=0.2)


def cached_share(gateways: int, late_s: float | None) -> float:
    return replay(TRACE, Gateways(4, gateways, late_s), 4).cached_share


def test_conversations_are_sent_where_they_were() -> None:
    found = replay(TRACE, Gateways(4), 4)
    spread = replay(TRACE, RuleRouter(RULES["round robin"](), 4), 4)
    assert found.cached_share > 0.8
    assert found.cached_share > spread.cached_share
    assert found.ttft_mean_s < spread.ttft_mean_s
    assert found.imbalance < 1.3


@pytest.mark.parametrize("late_s", [0.01, 1.0])
def test_gateways_that_hear_each_other_do_nearly_as_well_as_one(
    late_s: float,
) -> None:
    assert cached_share(4, late_s) > 0.95 * cached_share(1, None)
    assert cached_share(4, None) < 0.9 * cached_share(4, late_s)


def test_the_same_seed_gives_the_same_figures() -> None:
    assert replay(TRACE, Gateways(4, 2, 0.5), 4) == replay(TRACE, Gateways(4, 2, 0.5), 4)
