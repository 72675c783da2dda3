"""Money in integers, and the only place where it is rounded.

A price is pico-USD per token (1 USD per million tokens = 1,000,000 pico-USD per token); a charge is nano-USD.
Nano-USD stay exact in Redis Lua (doubles) up to 2**53, about nine million dollars.
"""

from dataclasses import fields, replace

from gateway.domain.noun import noun
from gateway.domain.usage import TokenUsage

USD_PICO_PER_USD = 10**12
USD_NANO_PER_USD = 10**9
_USD_PICO_PER_USD_NANO = 1_000
_PPM = 1_000_000


def usd_nano_of(usd_pico: int) -> int:
    """Round pico-USD half up to nano-USD. `usd_pico` must not be negative."""
    if usd_pico < 0:
        raise ValueError(f"money is never negative here: {usd_pico} pico-USD")
    return (usd_pico + _USD_PICO_PER_USD_NANO // 2) // _USD_PICO_PER_USD_NANO


def format_usd(usd_nano: int) -> str:
    """Write nano-USD as dollars, exactly: nine decimals, trailing zeros dropped beyond the second."""
    sign, whole, rest = "-" if usd_nano < 0 else "", abs(usd_nano) // USD_NANO_PER_USD, abs(usd_nano) % USD_NANO_PER_USD
    decimals = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"


@noun
class Price:
    """What a tier costs, in pico-USD per token. Reasoning tokens are output tokens.

    Input that a server writes to a cache costs `cache_write_usd_pico`; None where that is what any input costs.
    """

    input_usd_pico: int
    cached_input_usd_pico: int
    output_usd_pico: int
    cache_write_usd_pico: int | None = None

    def __post_init__(self) -> None:
        inputs = (self.input_usd_pico, self.cached_input_usd_pico, self.cache_write_usd_pico or 0)
        if min(*inputs, self.output_usd_pico) < 0:
            raise ValueError(f"a price must not be negative: {self}")

    def at_share(self, share_ppm: int) -> "Price":
        """Return this price at a share of it, in parts per million: each part rounded half up to a pico-USD."""
        stated = {part.name: getattr(self, part.name) for part in fields(self)}
        parts = {name: (part * share_ppm + _PPM // 2) // _PPM for name, part in stated.items() if part is not None}
        return replace(self, **parts)

    def cost_usd_pico(self, usage: TokenUsage) -> int:
        """Price a usage exactly, before rounding."""
        cost_usd_pico = (
            (usage.input_tokens - usage.cached_input_tokens) * self.input_usd_pico
            + usage.cached_input_tokens * self.cached_input_usd_pico
            + usage.output_tokens * self.output_usd_pico
        )
        if usage.cache_write_tokens and self.cache_write_usd_pico is not None:
            cost_usd_pico += usage.cache_write_tokens * (self.cache_write_usd_pico - self.input_usd_pico)
        return cost_usd_pico

    @property
    def dearest_input_usd_pico(self) -> int:
        """Return what a token of input costs at the most: vendors may ask more for cached ones, or to cache them."""
        return max(self.input_usd_pico, self.cached_input_usd_pico, self.cache_write_usd_pico or 0)

    def charge_usd_nano(self, usage: TokenUsage) -> int:
        """Price a usage, rounded half up once."""
        return usd_nano_of(self.cost_usd_pico(usage))


FREE = Price(0, 0, 0)
