"""Reads what is JSON only to a lenient reader, such that it can be written again."""

import json
from typing import Any, Final

_DIGITS_MAX: Final = 18


def load_leniently(payload: bytes) -> dict[str, Any] | None:
    """Return an object, None for anything else. Characters that are none become question marks."""
    try:
        value = json.loads(payload.decode("utf-8", "replace"), parse_int=_number)
        whole = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return whole if isinstance(whole, dict) else None


def _number(digits: str) -> int | float:
    """Read a whole number; the longest are none that could be written again."""
    return int(digits) if len(digits) <= _DIGITS_MAX else float(digits)
