"""Quantities as people write them: `600ms`, `32k`, `8MiB`, `95%`. Each kind reads its own units and knows its bounds.

A quantity stands in an annotation, `Annotated[float, Quantity(DURATION, "1ms", "10m")]`: pydantic then reads the
value with it, and the JSON Schema and the reference describe it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from gateway.policy.scales import COUNT, TOKENS, WRITTEN, Scale

EXPECTED = "expected"
"""The type of our own validation errors. Their context holds what was `expected` and a `hint`."""


def refusal(expected: str, hint: str = "") -> PydanticCustomError:
    """Return the error that says what was expected; whoever reports it adds what was found and where."""
    return PydanticCustomError(EXPECTED, "{expected}", {"expected": expected, "hint": hint})


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
        found = WRITTEN.fullmatch(value.strip()) if isinstance(value, str) else None
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
class Day:
    """A day of the calendar, in UTC: read as the second since the epoch at which it begins."""

    expected = "a day, such as 2026-12-31"

    def parse(self, value: object) -> float:
        """Read a day. Raises PydanticCustomError with what was expected."""
        # Months and days have two digits each, on which strptime does not insist.
        if not isinstance(value, str) or len(value) != len("2026-12-31"):
            raise refusal(self.expected)
        try:
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
        except ValueError as error:
            raise refusal(self.expected) from error

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$", "x-expected": self.expected}


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
