"""Prices of hosted models from the genai-prices package, as it ships: nothing is fetched."""

import difflib
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from genai_prices.data_snapshot import DataSnapshot, find_provider_by_id, get_snapshot
from genai_prices.types import ModelPrice, TieredPrices

from gateway.domain.money import Price

_USD_PICO_PER_TOKEN = 10**6
"""Pico-USD per token that are one USD per million tokens."""
_NEAR = 3


class PriceCatalogue:
    """Looks prices up by model, and by provider where one is named.

    `wall_s` is when the price must hold, in seconds since the epoch: some depend on the date. Where a price rises with
    the length of the prompt, the one for short prompts is taken.
    """

    def __init__(self, wall_s: float, snapshot: DataSnapshot | None = None) -> None:
        self._at = datetime.fromtimestamp(wall_s, UTC)
        self._snapshot = get_snapshot() if snapshot is None else snapshot

    def find(self, model: str, provider: str | None) -> Price | None:
        """Return the price of a model; None where the package knows none."""
        try:
            _, known = self._snapshot.find_provider_model(model, None, provider, None)
        except LookupError:
            return None
        return _price(known.get_prices(self._at))

    def nearest(self, model: str, provider: str | None) -> Sequence[str]:
        """Return the models whose names are most like it, best first: at the provider, if there is such a one."""
        named = None if provider is None else find_provider_by_id(self._snapshot.providers, provider)
        providers = self._snapshot.providers if named is None else [named]
        known = dict.fromkeys(model.id for provider in providers for model in provider.models)
        return difflib.get_close_matches(model.lower(), known, n=_NEAR)


def _price(price: ModelPrice) -> Price | None:
    """Return the price if there is one for input tokens; without one for output (embeddings) that is free."""
    entry = _usd_pico(price.input_mtok)
    if entry is None:
        return None
    cached, output = _usd_pico(price.cache_read_mtok), _usd_pico(price.output_mtok)
    return Price(entry, entry if cached is None else cached, output or 0, _usd_pico(price.cache_write_mtok))


def _usd_pico(amount: Decimal | TieredPrices | None) -> int | None:
    if amount is None:
        return None
    usd = amount.base if isinstance(amount, TieredPrices) else amount
    return int((usd * _USD_PICO_PER_TOKEN).to_integral_value(ROUND_HALF_UP))
