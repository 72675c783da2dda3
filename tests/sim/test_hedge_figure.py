"""Hedging by itself keeps the tail of the first contents short, at the price of hardly any second calls."""

import pytest

from tests.sim.hedge_figure import STALL_S, hedging

REQUESTS = 1_000
UNLUCKY = (4, 16)
"""Seeds with more stalls than one in a hundred: without hedges the 99th percentile is a stall."""


@pytest.mark.parametrize("seed", UNLUCKY)
def test_while_one_call_in_a_hundred_stalls_the_tail_is_nearly_as_without_for_two_second_calls_in_a_hundred(
    seed: int,
) -> None:
    found = hedging(seed, REQUESTS)
    assert found.bare_p99_s > STALL_S
    assert found.is_within, found
    assert found.felt <= found.stalls / 2, "the budget goes to streams that stall, not to those about to begin"
