"""What is seen of tiers, what is expected of them, and what share of their requests goes elsewhere."""

from dataclasses import replace

import pytest

from gateway.core.slo_window import WINDOW_S
from gateway.core.tier_slo import KNOWN_FROM, TierSlos
from gateway.domain.ids import TierName
from gateway.domain.tier import Tier, TierLimits, TierSlo
from tests.support.tiers import a_tier

HELD = TierSlo(ttft_p95_s=0.6, itl_p95_s=0.06)
SMALL = replace(a_tier("small"), slo=HELD)
FREE = a_tier("free", 1)
TIERS = {SMALL.name: SMALL, FREE.name: FREE}


def streams(slos: TierSlos, tier: Tier, count: int, waited_s: float, now_s: float, *, input_tokens: int = 100) -> None:
    for _ in range(count):
        slos.first_content(tier, input_tokens, waited_s, now_s)


def test_what_is_expected_is_the_median_of_what_was_seen() -> None:
    slos = TierSlos()
    streams(slos, SMALL, 20, 0.2, 0.0)
    streams(slos, SMALL, 5, 4.0, 0.0)
    assert slos.expected_ttft_s(SMALL.name, 100, 1.0) == pytest.approx(0.2, rel=0.1)
    assert slos.expected_itl_s(SMALL.name, 1.0) is None
    for _ in range(KNOWN_FROM):
        slos.finished(SMALL, 0.02, 1.0)
    assert slos.expected_itl_s(SMALL.name, 1.0) == pytest.approx(0.02, rel=0.1)


def test_a_share_is_within_a_time_of_prompts_of_its_size() -> None:
    slos = TierSlos()
    assert slos.ttft_within_s(SMALL.name, 100, 0.0, 0.98) is None
    streams(slos, SMALL, 98, 0.2, 0.0)
    streams(slos, SMALL, 2, 5.0, 0.0)
    within_s = slos.ttft_within_s(SMALL.name, 100, 1.0, 0.98)
    assert within_s is not None
    assert 0.2 <= within_s <= 0.24
    assert (slos.ttft_within_s(SMALL.name, 100, 1.0, 0.99) or 0.0) >= 5.0


def test_too_little_or_too_long_ago_is_nothing() -> None:
    slos = TierSlos()
    assert slos.expected_ttft_s(SMALL.name, 100, 0.0) is None
    assert slos.expected_itl_s(SMALL.name, 0.0) is None
    streams(slos, SMALL, KNOWN_FROM - 1, 0.2, 0.0)
    assert slos.expected_ttft_s(SMALL.name, 100, 0.0) is None
    streams(slos, SMALL, 1, 0.2, 0.0)
    assert slos.expected_ttft_s(SMALL.name, 100, 0.0) is not None
    assert slos.expected_ttft_s(SMALL.name, 100, WINDOW_S) is None


def test_shorter_prompts_say_the_least_that_a_longer_one_takes_and_longer_ones_say_nothing() -> None:
    slos = TierSlos()
    streams(slos, SMALL, KNOWN_FROM, 2.0, 0.0, input_tokens=10_000)
    assert slos.expected_ttft_s(SMALL.name, 100, 0.0) is None
    assert slos.expected_ttft_s(SMALL.name, 100_000, 0.0) == pytest.approx(2.0, rel=0.1)
    streams(slos, SMALL, KNOWN_FROM, 0.2, 0.0)
    assert slos.expected_ttft_s(SMALL.name, 100, 0.0) == pytest.approx(0.2, rel=0.1)
    assert slos.expected_ttft_s(SMALL.name, 10_000, 0.0) == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("kind", ["ttft", "itl", "given up"])
def test_a_breach_moves_a_tenth_of_the_requests_elsewhere(kind: str) -> None:
    slos = TierSlos()
    for _ in range(20):
        if kind == "ttft":
            slos.first_content(SMALL, 100, 0.7, 0.0)
        elif kind == "itl":
            slos.finished(SMALL, 0.07, 0.0)
        else:
            slos.late(SMALL, 100, 0.4, 0.0)
    assert slos.shifted(TIERS, 0.0) == {SMALL.name: 0.1}


def test_a_long_prompt_is_given_the_time_that_its_reading_takes() -> None:
    limits = TierLimits(ttft_s=4.0, ttft_s_per_input_token=0.0001, stall_s=30.0, connect_s=1.0, in_flight=64)
    tier = replace(SMALL, limits=limits)
    patient, strict = TierSlos(), TierSlos()
    streams(patient, tier, 20, 1.5, 0.0, input_tokens=10_000)
    streams(strict, tier, 20, 1.5, 0.0, input_tokens=8_000)
    assert patient.shifted({tier.name: tier}, 0.0) == {}
    assert strict.shifted({tier.name: tier}, 0.0) == {tier.name: 0.1}


def test_a_tier_without_an_objective_misses_none_and_its_times_are_known_all_the_same() -> None:
    slos = TierSlos()
    streams(slos, FREE, 50, 9.0, 0.0)
    for _ in range(50):
        slos.finished(FREE, 9.0, 0.0)
    assert slos.shifted(TIERS, 0.0) == {}
    assert slos.expected_ttft_s(FREE.name, 1, 0.0) == pytest.approx(9.0, rel=0.1)
    assert slos.tier(FREE.name).ttft.total == 0


def test_it_looks_once_a_second_whatever_the_traffic() -> None:
    slos = TierSlos()
    assert slos.shifted(TIERS, 0.0) == {}
    streams(slos, SMALL, 20, 0.7, 0.5)
    assert slos.shifted(TIERS, 0.9) == {}
    assert slos.shifted(TIERS, 1.0) == {SMALL.name: 0.1}


def test_what_one_worker_counts_the_other_can_add() -> None:
    one, other = TierSlos(), TierSlos()
    streams(one, SMALL, 20, 0.7, 0.0)
    other.merge(one.take_unshared(), 0.0)
    assert other.shifted(TIERS, 0.0) == one.shifted(TIERS, 0.0) == {SMALL.name: 0.1}
    assert other.take_unshared() == {}, "what was heard is not told on"
    assert one.take_unshared() == {}, "and what was told is not told again"
    assert other.tier(SMALL.name).ttft.total == 0, "each counts its own for the alarms"


def test_a_tier_that_a_policy_no_longer_has_is_forgotten() -> None:
    slos = TierSlos()
    streams(slos, SMALL, 20, 0.7, 0.0)
    assert slos.shifted(TIERS, 0.0) == {SMALL.name: 0.1}
    slos.forget_all_but({FREE.name})
    assert slos.shifted({FREE.name: FREE}, 0.1) == {}
    assert slos.expected_ttft_s(TierName("small"), 100, 0.1) is None
