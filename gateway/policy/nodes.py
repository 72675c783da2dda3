"""From YAML events to plain data with places, within limits."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from ruamel.yaml import events

from gateway.policy.problems import MAX_FINDINGS, START, Finding, Path, Place, Plain, describe, dotted

MAX_DEPTH = 16
"""The format nests 6 deep. The parser's time grows with the square of the depth, so it is stopped early."""
MAX_NODES = 50_000
"""Values in one policy: about a second of parsing, and four thousand tenants."""
MAX_SCALAR = 4_096
"""Characters of one key or value."""

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]{1,18}|[0-9]{1,18}(?:\.[0-9]{0,18})?)(?:[eE][-+]?[0-9]{1,2})?")
_SURROGATE = re.compile("[\ud800-\udfff]")


class LoadRefused(Exception):
    """Reading cannot go on."""

    def __init__(self, place: Place, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read. `at` is its path; `key` the key whose value comes next."""

    at: Path
    entries: dict[str, Plain] | list[Plain]
    key: str | None = None
    ignores_value: bool = False


_UNREAD: Final = ""
"""Stands for a value that could not be read; its path is in `broken`."""
_NO_ANCHORS: Final = "anchors and aliases are not allowed: write the value out"
_AGAIN: Final = "(repeated key)"
"""Stands in the path of what follows a repeated key, so that the first one keeps its own places."""


@dataclass(slots=True)
class Builder:
    """Takes events one by one. Not a recursive descent: depth costs no stack."""

    root: Plain = None
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    broken: set[Path] = field(default_factory=set)
    findings: list[tuple[Place, Finding]] = field(default_factory=list)
    last: Place = START
    _stack: list[_Open] = field(default_factory=list)
    _documents: int = 0
    _nodes: int = 0

    def feed(self, event: events.Event) -> None:
        """Take the next event. Raises LoadRefused at the first thing that makes the rest not worth reading."""
        mark = event.start_mark
        self.last = Place(mark.line + 1, mark.column + 1)
        match event:
            case events.DocumentStartEvent():
                self._start_document(event)
            case events.ScalarEvent() | events.AliasEvent():
                self._count(event)
                self._add(self._read(event))
            case events.MappingStartEvent() | events.SequenceStartEvent():
                self._count(event)
                self._open({} if isinstance(event, events.MappingStartEvent) else [])
            case events.MappingEndEvent() | events.SequenceEndEvent():
                self._close()
            case _:
                pass

    def _start_document(self, event: events.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            raise LoadRefused(self.last, "expected one document, found a second", "remove the `---` before it")
        if event.version or event.tags:
            raise LoadRefused(
                self.last, "expected no `%` directive above this", "remove it: a policy is plain YAML 1.2"
            )

    def _count(self, event: events.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise LoadRefused(self.last, f"expected at most {MAX_NODES:,} values")
        if len(self._stack) >= MAX_DEPTH:
            raise LoadRefused(self.last, f"expected at most {MAX_DEPTH} levels of nesting")
        if isinstance(event, events.AliasEvent):
            self._break(f"expected a plain value, found {describe(f'*{event.anchor}')}", _NO_ANCHORS)
        elif event.anchor is not None:
            self._find(self._here(), f"expected a plain value, found {describe(f'&{event.anchor}')}", _NO_ANCHORS)
        if isinstance(event, events.ScalarEvent | events.CollectionStartEvent) and event.ctag is not None:
            self._break("expected a plain value, found a tag", "remove the `!`: tags are not allowed")

    def _break(self, message: str, hint: str) -> None:
        self.broken.add(self._here())
        self._find(self._here(), message, hint)

    def _find(self, path: Path, message: str, hint: str) -> None:
        if len(self.findings) >= MAX_FINDINGS:
            raise LoadRefused(self.last, f"more than {MAX_FINDINGS:,} problems; the rest was not read")
        self.findings.append((self.last, Finding(path, message, hint)))

    def _here(self) -> Path:
        """Return the path of the value that comes next."""
        if not self._stack:
            return ()
        top = self._stack[-1]
        if isinstance(top.entries, list):
            return (*top.at, len(top.entries))
        if top.key is None:
            return top.at
        return (*top.at, _AGAIN if top.ignores_value else top.key)

    def _read(self, event: events.ScalarEvent | events.AliasEvent) -> Plain:
        if isinstance(event, events.AliasEvent):
            return _UNREAD
        text = event.value
        if len(text) > MAX_SCALAR:
            raise LoadRefused(self.last, f"expected at most {MAX_SCALAR:,} characters in one value")
        if _SURROGATE.search(text):
            self._break("expected text, found half a character", "write the character itself, or its whole escape")
            return _UNREAD
        is_key = bool(self._stack) and isinstance(self._stack[-1].entries, dict) and self._stack[-1].key is None
        return text if is_key or event.style else scalar_of(text)

    def _open(self, entries: dict[str, Plain] | list[Plain]) -> None:
        here = self._here()
        if self._stack and isinstance(self._stack[-1].entries, dict) and self._stack[-1].key is None:
            raise LoadRefused(self.last, f"expected a name as key in `{dotted(here)}`, found {_kind(entries)}")
        self.values[here] = self.last
        self._stack.append(_Open(here, entries))

    def _close(self) -> None:
        closed = self._stack.pop()
        entries = closed.entries
        self._put(tuple(entries) if isinstance(entries, list) else entries)

    def _add(self, value: Plain) -> None:
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.entries, dict) and top.key is None:
            self._take_key(top, top.entries, str(value))
            return
        self.values.setdefault(self._here(), self.last)
        self._put(value)

    def _take_key(self, top: _Open, entries: dict[str, Plain], key: str) -> None:
        path = (*top.at, key)
        top.key = key
        top.ignores_value = key in entries
        if top.ignores_value:
            line = self.keys[path].line
            self._find(path, "this key is here twice", f"the first is in line {line}; keep one")
        else:
            self.keys[path] = self.last

    def _put(self, value: Plain) -> None:
        if not self._stack:
            self.root = value
            return
        top = self._stack[-1]
        if isinstance(top.entries, list):
            top.entries.append(value)
        elif top.key is not None and not top.ignores_value:
            top.entries[top.key] = value
        top.key = None


def scalar_of(text: str) -> Plain:
    """Read a plain scalar as YAML 1.2's core schema does, for the kinds a policy uses.

    So `no` is a text, `010` is ten and 1:30 is a text. What is no number that a policy could mean (`.nan`, `0x10`,
    a hundred digits) stays a text, and the field it stands in refuses it.
    """
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else text


def _kind(entries: dict[str, Plain] | list[Plain]) -> str:
    return "a mapping" if isinstance(entries, dict) else "a list"
