"""Quantities as people write them: `600ms`, `32k`, `8MiB`, `95%`. Each kind reads its own units and knows its bounds.

A quantity stands in an annotation, `Annotated[float, Quantity(DURATION, "1ms", "10m")]`: pydantic then reads the
value with it, and the JSON Schema and the reference describe it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

EXPECTED = "expected"
"""The type of our own validation errors. Their context holds what was `expected` and a `hint`."""

_WRITTEN = re.compile(r"(-?[0-9]{1,18}(?:\.[0-9]{1,18})?)\s*+([A-Za-z%]*+)")


def refusal(expected: str, hint: str = "") -> PydanticCustomError:
    """Return the error that says what was expected; whoever reports it adds what was found and where."""
    return PydanticCustomError(EXPECTED, "{expected}", {"expected": expected, "hint": hint})


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
        found = _WRITTEN.fullmatch(value.strip() if isinstance(value, str) else format(value, "f"))
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


@dataclass(frozen=True, slots=True)
class Quantity:
    """A scale with its bounds, written as in a policy. `above` excludes the lower bound itself."""

    scale: Scale
    low: str
    high: str
    above: bool = False
    off: bool = False
    """Whether a word may be written instead, which reads as None."""
    word: str = "off"

    def parse(self, value: object) -> int | float | None:
        """Read a written value. Raises PydanticCustomError with what was expected."""
        if self.off and value == self.word:
            return None
        amount = self.scale.read(value)
        if amount is None:
            raise refusal(self.expected, self._unit_hint(value))
        low, high = self._bound(self.low), self._bound(self.high)
        if not low <= amount <= high or (self.above and amount == low):
            raise refusal(self.expected)
        if self.scale.whole:
            if amount != amount.to_integral_value():
                raise refusal(self.expected, "that is finer than can be counted")
            return int(amount)
        return float(amount)

    @property
    def expected(self) -> str:
        """Say what may be written."""
        bounds = f"above {self.low} up to {self.high}" if self.above else f"from {self.low} to {self.high}"
        example = f", such as {self.scale.example}" if self.scale.example else ""
        return f"{self.scale.noun} {bounds}{example}{f', or `{self.word}`' if self.off else ''}"

    def _bound(self, written: str) -> Decimal:
        bound = self.scale.read(written)
        if bound is None:
            raise ValueError(f"not {self.scale.noun}: {written}")
        return bound

    def _unit_hint(self, value: object) -> str:
        units = [unit for unit in self.scale.units if unit]
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return f"add a unit: {', '.join(units)}"
        found = _WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
        if found is None:
            return ""
        return f"the units are {', '.join(units)}" if units else "write the number without a unit"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        bare: dict[str, Any] = {"type": "integer" if self.scale is COUNT or self.scale is TOKENS else "number"}
        written: dict[str, Any] = {"type": "string", "pattern": self.scale.pattern}
        if self.off:
            written = {"anyOf": [written, {"const": self.word}]}
        if "" not in self.scale.units:
            return {**written, "x-expected": self.expected}
        one = self.scale.units[""]
        bare["minimum" if not self.above else "exclusiveMinimum"] = _plain(self._bound(self.low) / one)
        bare["maximum"] = _plain(self._bound(self.high) / one)
        if len(self.scale.units) == 1:
            return {**bare, "x-expected": self.expected}
        return {"anyOf": [bare, written], "x-expected": self.expected}


def _plain(amount: Decimal) -> int | float:
    return int(amount) if amount == amount.to_integral_value() else float(amount)


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a certain form, named by `noun`."""

    noun: str
    pattern: str
    hint: str = ""

    def parse(self, value: object) -> str:
        """Check a text. Raises PydanticCustomError with what was expected."""
        if not isinstance(value, str) or re.fullmatch(self.pattern, value) is None:
            raise refusal(self.noun, self.hint)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^({self.pattern})$", "x-expected": self.noun}
