"""What was purged of a tenant's kept answers, and whether one of them is void for it.

A purge costs the same whatever it forgets: it is noted under a number higher than any before, and an answer carries the
number of the last purge that was known when it was asked for. One that was asked for before a purge which names it is
void, wherever it lies and whenever it gets there, also one that was still being written when the purge was made.
"""

from collections.abc import Mapping
from math import inf
from typing import Final

from gateway.domain.identity import CachedAnswer
from gateway.domain.noun import noun
from gateway.domain.purge import Selection

ENTRIES_MAX: Final = 256
"""Marks of a tenant, beyond which the purge of one more answer is noted as one of all: to forget too much costs calls
of model servers, and to forget a mark would bring a purged answer back."""

_ALL: Final = "all"
_ROUTE: Final = "route"
_ENTRY: Final = "entry"
_ANY_TIME: Final = "="
_UNTIL: Final = "<"


@noun
class Mark:
    """Answers asked for before the purge of this number are void if stored until then, in seconds since the epoch."""

    number: int
    until_s: float = inf


def mark_name(selection: Selection) -> str:
    """Name what a purge is of. One until a time is noted beside one of any time, and neither replaces the other."""
    when = _ANY_TIME if selection.until_s is None else _UNTIL
    if selection.entry is not None:
        return f"{_ENTRY}{when}{selection.entry}"
    return f"{_ALL}{when}" if selection.route is None else f"{_ROUTE}{when}{selection.route}"


ALL: Final = f"{_ALL}{_ANY_TIME}"
"""The name of the mark that makes every earlier answer void, and every earlier mark needless."""


def entry_in(name: str) -> str | None:
    """Return which entry a mark of this name is about; None where it is about more than one."""
    kind, _, entry = name.partition(_ANY_TIME)
    return entry if kind == _ENTRY else None


class PurgeMarks:
    """The purges of one tenant, as far as they are known here. `number` is the last one's; 0 for none."""

    __slots__ = ("_marks", "number")

    def __init__(self) -> None:
        self.number = 0
        self._marks: dict[str, Mark] = {}

    def __len__(self) -> int:
        return len(self._marks)

    def note(self, selection: Selection, wall_ms: int) -> int:
        """Note a purge, and return its number: higher than any before, also of whoever lost count of them."""
        number, name, until_s = max(self.number + 1, wall_ms), mark_name(selection), selection.until_s
        if name not in self._marks and len(self._marks) >= ENTRIES_MAX:
            name, until_s = ALL, None
        before = self._marks.get(name)
        if name == ALL:
            self._marks.clear()
        if until_s is None:
            self._marks[name] = Mark(number)
        else:
            # What an earlier purge made void with a later bound stays void.
            self._marks[name] = Mark(number, until_s if before is None else max(until_s, before.until_s))
        self.number = number
        return number

    def learn(self, marks: Mapping[str, Mark]) -> tuple[str, ...]:
        """Take in what another knows of the tenant's purges, and name what is new of it.

        What is known here is never forgotten for it.
        """
        new = []
        for name, mark in marks.items():
            known = self._marks.get(name)
            if known is None or known.number < mark.number:
                self._marks[name] = mark
                self.number = max(self.number, mark.number)
                new.append(name)
        everything = self._marks.get(ALL)
        if everything is not None and len(self._marks) > 1:
            self._marks = {name: mark for name, mark in self._marks.items() if mark.number >= everything.number}
        return tuple(new)

    def has_entry(self, entry: str) -> bool:
        """Tell whether this very answer was purged."""
        return f"{_ENTRY}{_ANY_TIME}{entry}" in self._marks

    def makes_void(self, entry: str, answer: CachedAnswer) -> bool:
        """Tell whether an answer was purged. At once where it is younger than the last purge, as nearly always."""
        if answer.purge >= self.number:
            return False
        return any(
            (mark := self._marks.get(name)) is not None
            and answer.purge < mark.number
            and answer.stored_at_s <= mark.until_s
            for name in (
                ALL,
                f"{_ALL}{_UNTIL}",
                f"{_ROUTE}{_ANY_TIME}{answer.route}",
                f"{_ROUTE}{_UNTIL}{answer.route}",
                f"{_ENTRY}{_ANY_TIME}{entry}",
                f"{_ENTRY}{_UNTIL}{entry}",
            )
        )
