"""Money in integers: prices, charges, and the one rounding."""

import pytest

from gateway.domain.money import FREE, Price, format_usd, usd_nano_of
from gateway.domain.usage import TokenUsage

PRICE = Price(50_000, 10_000, 200_000)


@pytest.mark.parametrize(
    ("usd_pico", "usd_nano"), [(0, 0), (1, 0), (499, 0), (500, 1), (999, 1), (1_499, 1), (1_500, 2), (2**70, None)]
)
def test_half_a_nano_dollar_is_rounded_up(usd_pico: int, usd_nano: int | None) -> None:
    assert usd_nano_of(usd_pico) == (usd_nano if usd_nano is not None else (2**70 + 500) // 1_000)


def test_money_is_never_negative() -> None:
    with pytest.raises(ValueError, match="money is never negative here: -1 pico-USD"):
        usd_nano_of(-1)


@pytest.mark.parametrize(
    ("usd_nano", "text"),
    [
        (0, "0.00"),
        (1, "0.000000001"),
        (1_500, "0.0000015"),
        (10**9, "1.00"),
        (1_230_000_000, "1.23"),
        (12_345_678_901, "12.345678901"),
        (-1, "-0.000000001"),
        (-2_500_000_000, "-2.50"),
        (2**53 - 1, "9007199.254740991"),
    ],
)
def test_dollars_are_written_exactly_and_with_two_decimals_at_least(usd_nano: int, text: str) -> None:
    assert format_usd(usd_nano) == text


def test_cached_tokens_have_their_own_price_and_are_part_of_the_input() -> None:
    usage = TokenUsage(100, 10, cached_input_tokens=40)
    assert PRICE.cost_usd_pico(usage) == 60 * 50_000 + 40 * 10_000 + 10 * 200_000


def test_what_is_written_to_a_cache_has_its_own_price_where_there_is_one() -> None:
    usage = TokenUsage(100, 10, cached_input_tokens=40, cache_write_tokens=25)
    assert PRICE.cost_usd_pico(usage) == 60 * 50_000 + 40 * 10_000 + 10 * 200_000
    dear = Price(50_000, 10_000, 200_000, 62_500)
    assert dear.cost_usd_pico(usage) == 35 * 50_000 + 25 * 62_500 + 40 * 10_000 + 10 * 200_000
    assert Price(50_000, 10_000, 200_000, 0).cost_usd_pico(TokenUsage(25, 0, cache_write_tokens=25)) == 0


def test_the_dearest_input_is_any_of_the_three() -> None:
    assert PRICE.dearest_input_usd_pico == 50_000
    assert Price(1, 3, 0, 2).dearest_input_usd_pico == 3
    assert Price(1, 3, 0, 4).dearest_input_usd_pico == 4


def test_reasoning_tokens_are_output_tokens_and_not_charged_twice() -> None:
    assert PRICE.cost_usd_pico(TokenUsage(0, 10, reasoning_tokens=8)) == 10 * 200_000


def test_a_charge_is_rounded_once_at_the_end() -> None:
    thirds = Price(333, 333, 333)
    assert thirds.charge_usd_nano(TokenUsage(1, 1)) == 1, "666 pico-USD, not twice 333 rounded down"


def test_a_tier_may_be_free() -> None:
    assert FREE.charge_usd_nano(TokenUsage(10**6, 10**6)) == 0


@pytest.mark.parametrize("amounts", [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, 0, 0, -1)])
def test_a_price_is_never_negative(amounts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a price must not be negative"):
        Price(*amounts)


def test_a_share_of_a_price_is_rounded_half_up_in_each_part() -> None:
    assert Price(3, 1, 5).at_share(500_000) == Price(2, 1, 3)
    assert PRICE.at_share(1_000_000) == PRICE
    assert PRICE.at_share(0) == FREE
    assert Price(4, 2, 6, 5).at_share(500_000) == Price(2, 1, 3, 3)
