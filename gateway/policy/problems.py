"""What is wrong with a policy, where, and how to mend it."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import NamedTuple, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys and positions from the root of the document to a value."""

Plain: TypeAlias = bool | int | Decimal | str | tuple["Plain", ...] | dict[str, "Plain"] | None
"""A YAML document as data. Numbers with a point are decimals, so that no price passes through a float."""

MAX_FINDINGS = 1_000
"""Problems that one check tells. Nobody mends more at once, and a hint for each takes its time."""
MAX_KNOWN = 200
"""Known names that a wrong one is compared with."""
MAX_SHOWN = 48
"""Characters of a wrong value that a message repeats."""


class Place(NamedTuple):
    """Where something stands in the file. Both count from 1; columns count characters."""

    line: int
    column: int


START = Place(1, 1)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `path` names the value, `message` says what was expected and found, `hint` how to mend it."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        subject = f" {self.path}:" if self.path else ""
        hint = f"; hint: {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}:{subject} {self.message}{hint}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem before its place is known: it stands at the value of `path`, or at its key if `at_key`."""

    path: Path
    message: str
    hint: str = ""
    at_key: bool = False


def render(problems: Iterable[Problem]) -> str:
    """Write problems one to a line, as compilers do."""
    return "\n".join(str(problem) for problem in problems)


def dotted(path: Path) -> str:
    """Write a path as `tiers.small.endpoints.0.url`."""
    return ".".join(shorten(str(part)) for part in path)


def shorten(text: str) -> str:
    """Make a text fit into a line of a message: one line, printable, not too long."""
    clean = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return clean if len(clean) <= MAX_SHOWN else clean[: MAX_SHOWN - 1] + "…"


def describe(value: object) -> str:
    """Say what was found in place of what was expected."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{shorten(value)}"'
        case tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return shorten(str(value))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint naming the nearest known word, or all of them where none is near."""
    names = list(islice(known, MAX_KNOWN))
    if not names:
        return ""
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word[:MAX_SHOWN].lower(), lowered, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{lowered[near[0]]}`?"
    return f"known here: {listed(names)}"


def listed(names: Iterable[str]) -> str:
    """Write names as a list, the first dozen of them."""
    every = [f"`{shorten(name)}`" for name in names]
    return ", ".join(every[:12]) + (f" and {len(every) - 12} more" if len(every) > 12 else "")
