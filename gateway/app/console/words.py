"""Figures as the console writes them: with units, and with as many digits as tell something."""

from typing import Final

from gateway.domain.money import USD_NANO_PER_USD

DASH: Final = "–"
_NANO_PER_CENT: Final = USD_NANO_PER_USD // 100


def usd(usd_nano: int) -> str:
    """Write money to the cent from a dollar on, to the millionth below."""
    sign, amount = ("−" if usd_nano < 0 else ""), abs(usd_nano)
    if amount >= USD_NANO_PER_USD or not amount:
        return f"{sign}${amount / USD_NANO_PER_USD:,.2f}"
    return f"{sign}${amount / USD_NANO_PER_USD:.6f}"


def share(part: float, whole: float) -> str:
    """Write a part as a percentage of the whole; a dash where there is no whole."""
    if not whole:
        return DASH
    percent = 100 * part / whole
    return f"{percent:.0f} %" if percent in (0.0, 100.0) or 10 <= abs(percent) < 99.5 else f"{percent:.1f} %"


def span(seconds: float | None) -> str:
    """Write a time that was measured; a dash where none was."""
    if seconds is None:
        return DASH
    if seconds < 1.0:
        return f"{seconds * 1e3:.{0 if seconds >= 0.01 else 1 if seconds >= 0.001 else 2}f} ms"
    return f"{seconds:.2f} s" if seconds < 60 else ago(seconds)


def ago(seconds: float) -> str:
    """Write how long something has lasted, in its two largest units."""
    minutes, hours = int(seconds) // 60, int(seconds) // 3_600
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {int(seconds) % 60} s" if minutes else f"{int(seconds)} s"


def count(number: int, noun: str) -> str:
    """Write a number of things."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
