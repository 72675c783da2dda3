from gateway.policy.schema_tiers import CatalogPrice, PriceTable, TierSpec

TIER = {"model": "m", "context": 1000, "endpoints": ()}


def test_a_price_is_a_table_a_word_or_a_name_in_the_catalogue() -> None:
    table = TierSpec.model_validate({**TIER, "price": {"input": 1, "output": 2}})
    named = TierSpec.model_validate({**TIER, "price": {"catalog": "gpt-4o"}})
    assert isinstance(table.price, PriceTable)
    assert isinstance(named.price, CatalogPrice)
    assert TierSpec.model_validate({**TIER, "price": "free"}).price == "free"
    assert TierSpec.model_validate({**TIER, "price": table.price}).price == table.price
    assert TierSpec.model_validate({**TIER, "price": named.price}).price == named.price
