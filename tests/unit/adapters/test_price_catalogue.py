from decimal import Decimal

import pytest
from genai_prices.data_snapshot import DataSnapshot
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, Provider, Tier, TieredPrices

from gateway.adapters.price_catalogue import PriceCatalogue
from gateway.domain.money import Price

WALL_S = 1_790_000_000.0


@pytest.fixture(scope="module")
def catalogue() -> PriceCatalogue:
    return PriceCatalogue(WALL_S)


def _one_model(price: ModelPrice) -> PriceCatalogue:
    model = ModelInfo(id="m", match=ClauseEquals(equals="m"), prices=price)
    provider = Provider(id="p", name="P", api_pattern="https://p", model_match=ClauseEquals(equals="m"), models=[model])
    return PriceCatalogue(WALL_S, DataSnapshot(providers=[provider], from_auto_update=False))


def test_a_price_is_exact(catalogue: PriceCatalogue) -> None:
    assert catalogue.find("gpt-4o", None) == Price(2_500_000, 1_250_000, 10_000_000)
    assert catalogue.find("gpt-4o", "openai") == Price(2_500_000, 1_250_000, 10_000_000)


def test_embeddings_cost_nothing_for_output(catalogue: PriceCatalogue) -> None:
    price = catalogue.find("text-embedding-3-small", "openai")
    assert price is not None
    assert (price.input_usd_pico, price.output_usd_pico) == (20_000, 0)


def test_an_unknown_model_or_provider_has_no_price(catalogue: PriceCatalogue) -> None:
    assert catalogue.find("no-such-model", None) is None
    assert catalogue.find("gpt-4o", "no-such-provider") is None


def test_the_nearest_names_are_known_ones(catalogue: PriceCatalogue) -> None:
    assert catalogue.nearest("gpt4o-mini", "openai")[0] == "gpt-4o-mini"
    assert "gpt-4o-mini" in catalogue.nearest("gpt4o-mini", None)
    assert catalogue.nearest("gpt-4o-mini", "no-such-provider")
    assert list(catalogue.nearest("?", None)) == []


def test_the_price_of_short_prompts_holds_and_cached_input_costs_as_input_unless_said() -> None:
    rising = TieredPrices(base=Decimal("1.25"), tiers=[Tier(start=200_000, price=Decimal("2.5"))])
    assert _one_model(ModelPrice(input_mtok=rising, output_mtok=Decimal(10))).find("m", None) == Price(
        1_250_000, 1_250_000, 10_000_000
    )


def test_what_a_provider_asks_for_writing_its_cache_is_known() -> None:
    price = ModelPrice(input_mtok=Decimal(3), cache_read_mtok=Decimal("0.3"), cache_write_mtok=Decimal("3.75"))
    assert _one_model(price).find("m", None) == Price(3_000_000, 300_000, 0, 3_750_000)


def test_a_price_by_other_things_than_tokens_is_none() -> None:
    assert _one_model(ModelPrice(output_mtok=Decimal(10))).find("m", None) is None
