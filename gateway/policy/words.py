"""Quantities in words, for people: `600 ms`, `32,000 tokens`, `$0.15`."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from gateway.domain.ability import Ability
from gateway.domain.ledger import Allowance
from gateway.domain.money import FREE, Price, format_usd
from gateway.domain.outcome import FailureKind
from gateway.domain.request import Need

_UNITS: Final = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))
_SIZES: Final = ((1024 * 1024, "MiB"), (1024, "KiB"))
_WINDOWS: Final = {60: "a minute", 3_600: "an hour", 86_400: "a day", 604_800: "a week", 2_592_000: "a month"}
_USD_PICO_PER_USD_PER_MILLION: Final = Decimal(10**6)


def duration(seconds: float | None) -> str:
    """Write a duration in the largest unit that leaves it whole; `off` for None."""
    if seconds is None:
        return "off"
    if seconds < 1.0:
        return f"{number(seconds * 1000)} ms"
    return next(f"{number(seconds / unit)} {name}" for unit, name in _UNITS if seconds % unit == 0 or unit == 1.0)


def day(at_s: float) -> str:
    """Write the day that begins then, in UTC."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d")


def size(count: int) -> str:
    """Write a size in the largest unit that leaves it whole."""
    return next((f"{count // unit} {name}" for unit, name in _SIZES if count and count % unit == 0), f"{count} B")


def number(value: float) -> str:
    """Write a number with the digits that matter."""
    return f"{value:,.6g}" if value != int(value) else f"{int(value):,}"


def percent(share: float) -> str:
    """Write a share of one."""
    return f"{100 * share:.4g} %"


def tokens(count: int) -> str:
    """Write a count of tokens."""
    return f"{count:,} token{'' if count == 1 else 's'}"


def price(cost: Price) -> str:
    """Write a price per million tokens."""
    if cost == FREE:
        return "free"
    entry, cached, output = (_usd(p) for p in (cost.input_usd_pico, cost.cached_input_usd_pico, cost.output_usd_pico))
    written = "" if cost.cache_write_usd_pico is None else f"{_usd(cost.cache_write_usd_pico)} written to a cache, "
    return f"{entry} in, {cached} cached in, {written}{output} out per million tokens"


def _usd(usd_pico: int) -> str:
    return f"${(Decimal(usd_pico) / _USD_PICO_PER_USD_PER_MILLION).normalize():f}"


def ability(known: Ability) -> str:
    """Say what a tier is taken for, and by what."""
    if known.calibration:
        return f"as its probes say ({known.calibration})"
    return f"like {known.reference}" if known.reference else "not stated"


def needs(supports: Need) -> str:
    """Write what a tier supports."""
    return ", ".join(need.name.lower() for need in Need if need in supports and need.name) or "text only"


def budget(allowance: Allowance) -> str:
    """Write what may be spent."""
    if allowance.budget_usd_nano is None:
        return "unlimited"
    return f"${format_usd(allowance.budget_usd_nano)} {_WINDOWS[allowance.budget_window_s]}"


def rate(allowance: Allowance) -> str:
    """Write how fast a tenant may go."""
    parts = []
    if allowance.requests_per_minute is not None:
        parts.append(f"{allowance.requests_per_minute:,} requests")
    if allowance.tokens_per_minute is not None:
        parts.append(tokens(allowance.tokens_per_minute))
    return f"{' and '.join(parts)} a minute" if parts else "unlimited"


def failures(kinds: frozenset[FailureKind]) -> str:
    """Write which failures may be followed by another attempt."""
    return ", ".join(kind.value for kind in FailureKind if kind in kinds) or "nothing"
