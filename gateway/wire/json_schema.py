"""Whether a JSON value fits a schema that a stranger wrote, within bounded effort.

The library does the checking; what a schema could do to us is left out. No reference is followed out of the schema
(that would be a request to wherever it names), no pattern is matched (a pattern can take longer than the universe), and
the schema is not checked as such (0.5 s for 17 kB): one that makes no sense says nothing.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import UnknownType, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

SCHEMA_BYTES_MAX: Final = 64 * 1024
STEPS_MAX: Final = 2_000
"""Keywords applied to values: about 10 µs each."""
DEPTH_MAX: Final = 64
"""Keywords within keywords: four frames each. The library's maps are not to meet the end of the stack: they are made in
Rust, and panic there."""
_STEPS: Final = {"$ref": 4}
"""Of a keyword that costs more than one."""
_APPLIED: Final = frozenset(
    {"$ref", "additionalProperties", "allOf", "anyOf", "const", "enum", "exclusiveMaximum", "exclusiveMinimum"}
    | {"items", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "multipleOf", "not", "oneOf"}
    | {"prefixItems", "properties", "required", "type"}
)
"""What schemas for answers are made of. Any other keyword says nothing."""
_MAKES_NO_SENSE: Final = (AttributeError, TypeError, ValueError, LookupError, ArithmeticError, UnknownType)
"""What the library trips over in a schema that is none, such as `{"required": 5}`."""


class _CannotTell(Exception):
    """The schema takes more steps than are spent on it, goes too deep, or has patterns."""


class _Effort(FormatChecker):
    """What is left to be spent. It travels in the place for formats, which a validator hands on to those it makes."""

    def __init__(self) -> None:
        super().__init__(formats=())
        self.steps_left = STEPS_MAX
        self.depth = 0

    def spend(self, steps: int) -> None:
        """Take that many steps. Raises _CannotTell."""
        self.steps_left -= steps
        if self.steps_left < 0 or self.depth >= DEPTH_MAX:
            raise _CannotTell


def fits(value: Any, schema: bytes) -> bool:
    """Tell whether a decoded value fits a schema; True where that cannot be told."""
    decoded = None if len(schema) > SCHEMA_BYTES_MAX else _decoded(schema)
    if decoded is None:
        return True
    try:
        return bool(_BOUNDED(decoded, registry=Registry(), format_checker=_Effort()).is_valid(value))
    except (_CannotTell, Unresolvable, RecursionError, *_MAKES_NO_SENSE):
        return True


@lru_cache(maxsize=64)
def _decoded(schema: bytes) -> Mapping[str, Any] | None:
    try:
        decoded = json.loads(schema)
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def _bounded(name: str, keyword: Any) -> Any:
    is_applied, steps = name in _APPLIED, _STEPS.get(name, 1)

    def apply(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
        if not is_applied:
            return
        effort: _Effort = validator.format_checker
        effort.spend(steps)
        if "patternProperties" in schema:
            raise _CannotTell
        effort.depth += 1
        try:
            yield from keyword(validator, value, instance, schema) or ()
        finally:
            effort.depth -= 1

    return apply


_BOUNDED: Final = extend(  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    Draft202012Validator,
    {name: _bounded(name, keyword) for name, keyword in Draft202012Validator.VALIDATORS.items()},
)
