"""Tell whether a raw answer is right: what it says in the end, and whether that is the key."""

import json
import re
from typing import Final

_ANSWER: Final = re.compile(r'"answer"\s*:\s*("(?:[^"\\]|\\.)*"|[^\n}]*)', re.DOTALL)
_BOXED: Final = re.compile(r"\\boxed\{([^{}]*)\}")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_FRACTION: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)")
CLOSE: Final = 1e-6


def last_answer(output: str) -> str | None:
    """Return the value of the last "answer" field of an output, or what it boxed last; None when it has neither.

    Models asked for JSON write it more than once, correct themselves, or break off: so no JSON parser is asked, and
    the last word counts.
    """
    fields = _ANSWER.findall(output)
    if not fields:
        boxed = _BOXED.findall(output)
        return str(boxed[-1]) if boxed else None
    value = str(fields[-1]).strip()
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value, strict=False))
    except ValueError:
        return value.strip('"')


def number_in(text: str) -> float | None:
    """Return the first number of a text, or the value of a text that is one fraction. `$` and `,` do not count."""
    plain = text.replace("$", "").replace(",", "").strip()
    fraction = _FRACTION.fullmatch(plain)
    if fraction and float(fraction[2]):
        return float(fraction[1]) / float(fraction[2])
    found = _NUMBER.search(plain)
    return float(found[0]) if found else None


def same_number(answer: str | None, key: str) -> bool:
    """Tell whether an answer is the number that the key is."""
    if answer is None:
        return False
    given, wanted = number_in(answer), number_in(key)
    return given is not None and wanted is not None and abs(given - wanted) < CLOSE


def same_literal(answer: str | None, key: str) -> bool:
    """Tell whether an answer is the Python literal that the key is, whichever quotes it uses or leaves out."""
    return answer is not None and _plain_literal(answer) == _plain_literal(key)


def _plain_literal(text: str) -> str:
    return text.replace('"', "'").strip().strip("'").strip().replace("\n", "\\n")
