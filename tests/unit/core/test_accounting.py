"""What a request may cost, did cost, and would have cost."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.accounting import (
    baseline_usd_nano,
    best_usage,
    hit_charge_usd_nano,
    hold_amount_usd_nano,
    hold_tokens,
    settlement_of,
)
from gateway.domain.ids import RequestId, TenantId
from gateway.domain.ledger import EXACT_MAX, Allowance, Hold
from gateway.domain.money import Price
from gateway.domain.request import Operation
from gateway.domain.usage import TokenUsage, UsageSource, tokens_in
from tests.support.tiers import a_request, a_tier

REQUEST = a_request(max_output_tokens=100)
SMALL = replace(a_tier("small"), price=Price(50_000, 10_000, 200_000))
LARGE = replace(a_tier("large", 1), price=Price(2_000_000, 500_000, 8_000_000))
HOLD = Hold(RequestId("r1"), TenantId("t"), Allowance(), 10, 20, 60.0)


def test_a_hold_covers_the_dearest_tier_of_the_ladder() -> None:
    # (1000 × 2,000,000 + 100 × 8,000,000) pico-USD = 2,800,000 nano-USD.
    assert hold_amount_usd_nano(REQUEST, (SMALL, LARGE)) == 2_800_000
    assert hold_amount_usd_nano(REQUEST, (SMALL,)) == 70_000


def test_an_unknown_output_is_held_at_the_tiers_cap_and_never_at_nothing() -> None:
    request = replace(REQUEST, max_output_tokens=None)
    assert hold_amount_usd_nano(request, (SMALL,)) == 50_000 + 4_096 * 200
    assert hold_tokens(request, (SMALL,)) == 1_000 + 4_096


def test_more_output_than_usual_is_held_if_it_is_asked_for() -> None:
    asked = replace(REQUEST, max_output_tokens=20_000)
    assert hold_tokens(asked, (SMALL,)) == 1_000 + 20_000
    assert hold_amount_usd_nano(asked, (SMALL,)) == 50_000 + 20_000 * 200


def test_more_output_than_the_window_takes_is_held_at_the_window() -> None:
    asked = replace(REQUEST, max_output_tokens=10**9)
    assert hold_tokens(asked, (SMALL,)) == 1_000 + SMALL.context_tokens


def test_a_hold_beyond_all_measure_is_cut_to_what_a_ledger_can_count() -> None:
    beyond = replace(REQUEST, max_output_tokens=None, choices=10**15)
    assert hold_amount_usd_nano(beyond, (SMALL,)) == EXACT_MAX
    assert hold_tokens(beyond, (SMALL,)) == EXACT_MAX


def test_every_choice_is_held() -> None:
    assert hold_tokens(replace(REQUEST, choices=3), (SMALL, LARGE)) == 1_000 + 300


def test_embeddings_hold_their_input_alone() -> None:
    request = replace(REQUEST, operation=Operation.EMBEDDINGS, max_output_tokens=None)
    assert hold_amount_usd_nano(request, (SMALL,)) == 50_000
    assert hold_tokens(request, (SMALL,)) == 1_000


def test_input_that_costs_more_because_of_a_cache_is_held() -> None:
    dear_cache = replace(SMALL, price=Price(50_000, 60_000, 0))
    assert hold_amount_usd_nano(REQUEST, (dear_cache,)) == 60_000
    dear_to_write = replace(SMALL, price=Price(50_000, 5_000, 0, 62_500))
    assert hold_amount_usd_nano(REQUEST, (dear_to_write,)) == 62_500


def test_an_empty_ladder_costs_nothing() -> None:
    assert hold_amount_usd_nano(REQUEST, ()) == 0
    assert hold_tokens(REQUEST, ()) == 1_000


@given(
    input_tokens=st.integers(0, 200_000),
    cached_share=st.floats(0.0, 1.0),
    output_tokens=st.integers(0, 4_096),
    max_tokens=st.none() | st.integers(1, 10_000),
)
def test_no_answer_within_its_limits_costs_more_than_was_held(
    input_tokens: int, cached_share: float, output_tokens: int, max_tokens: int | None
) -> None:
    request = replace(REQUEST, input_tokens=input_tokens, max_output_tokens=max_tokens)
    usage = TokenUsage(input_tokens, min(output_tokens, max_tokens or 4_096), int(input_tokens * cached_share))
    held = hold_amount_usd_nano(request, (SMALL, LARGE))
    assert SMALL.price.charge_usd_nano(usage) <= held
    assert LARGE.price.charge_usd_nano(usage) <= held


def test_the_charge_is_the_serving_tiers_and_the_baseline_the_strongests() -> None:
    usage = TokenUsage(1_000, 100, 400)
    assert SMALL.price.charge_usd_nano(usage) == 600 * 50 + 400 * 10 + 100 * 200
    assert baseline_usd_nano(LARGE, usage) == 600 * 2_000 + 400 * 500 + 100 * 8_000


def test_reported_usage_is_believed_first() -> None:
    reported = TokenUsage(7, 3)
    assert best_usage(reported, input_tokens=100, content_chunks=50, content_bytes=400) is reported


def test_counted_chunks_stand_in_for_a_missing_report() -> None:
    usage = best_usage(None, input_tokens=100, content_chunks=50, content_bytes=400)
    assert usage == TokenUsage(100, 50, source=UsageSource.COUNTED)


def test_size_stands_in_where_nothing_was_counted() -> None:
    usage = best_usage(None, input_tokens=100, content_chunks=0, content_bytes=400)
    assert usage == TokenUsage(100, tokens_in(400), source=UsageSource.ESTIMATED)


@pytest.mark.parametrize(("share_ppm", "charge"), [(0, 0), (500_000, 8), (1_000_000, 16), (1, 0), (31_250, 1)])
def test_a_kept_answer_is_charged_a_share_of_its_tiers_price_rounded_half_up_once(share_ppm: int, charge: int) -> None:
    tier = replace(a_tier("small"), price=Price(1_000, 100, 2_000))
    assert hit_charge_usd_nano(tier, TokenUsage(10, 3), share_ppm) == charge


def test_a_settlement_carries_all_tokens() -> None:
    settled = settlement_of(HOLD, TokenUsage(7, 3, 2, 1), 55)
    assert (settled.hold, settled.charge_usd_nano, settled.tokens) == (HOLD, 55, 10)


def test_a_servers_nonsense_is_cut_to_what_a_ledger_can_count() -> None:
    settled = settlement_of(HOLD, TokenUsage(10**30, 1), 10**40)
    assert (settled.charge_usd_nano, settled.tokens) == (EXACT_MAX, EXACT_MAX)
