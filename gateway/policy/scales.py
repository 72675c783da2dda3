"""The kinds of quantities that people write: `600ms`, `32k`, `8MiB`, `95%`, each with its units.

Apart from `quantities.py`, which reads them in a policy, so that settings and commands read the same without pydantic.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

WRITTEN = re.compile(r"(-?[0-9]{1,18}(?:\.[0-9]{1,18})?)\s*+([A-Za-z%]*+)")
"""A number, and the unit behind it, if any."""


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """One kind of quantity: what it is called, an example, and how many of the result each unit is.

    `units` under "" is for a bare number; without it a unit must be written. `whole` results are integers, and a
    value finer than one of them is refused rather than rounded.
    """

    noun: str
    example: str
    units: Mapping[str, Decimal]
    whole: bool

    def read(self, value: object) -> Decimal | None:
        """Return the value in the result's unit, or None where it is no such quantity."""
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            return None
        found = WRITTEN.fullmatch(value.strip() if isinstance(value, str) else format(value, "f"))
        if found is None or found[2] not in self.units:
            return None
        return Decimal(found[1]) * self.units[found[2]]

    @property
    def pattern(self) -> str:
        """Return the regular expression that editors check a written value with."""
        named = "|".join(unit for unit in self.units if unit)
        return rf"^-?[0-9]+(\.[0-9]+)?\s*({named}){'?' if '' in self.units else ''}$"


_ONE = Decimal(1)
DURATION = Scale(
    "a duration",
    "4s",
    {"ms": Decimal("0.001"), "s": _ONE, "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86_400)},
    False,
)
"""Seconds."""
TOKENS = Scale("a number of tokens", "32k", {"": _ONE, "k": Decimal(1000), "M": Decimal(10**6)}, True)
SIZE = Scale("a size", "8MiB", {"B": _ONE, "KiB": Decimal(1024), "MiB": Decimal(1024**2)}, True)
"""Bytes."""
SHARE = Scale("a share", "0.95 or 95%", {"": _ONE, "%": Decimal("0.01")}, False)
COUNT = Scale("a whole number", "", {"": _ONE}, True)
NUMBER = Scale("a number", "", {"": _ONE}, False)
PRICE = Scale("a price in USD per million tokens", "0.15", {"": Decimal(10**6)}, True)
"""Pico-USD per token."""
MONEY = Scale("an amount in USD", "200", {"": Decimal(10**9)}, True)
"""Nano-USD."""
