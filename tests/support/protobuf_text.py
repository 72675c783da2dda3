"""Protobuf's text format, as far as Triton's configurations use it, without the messages' definition."""

import json
import re
from collections.abc import Iterator
from typing import Any

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|-?\d+(?:\.\d+)?|[{}\[\]:,]|#[^\n]*|\S')


def parse(text: str) -> dict[str, Any]:
    """Return the fields; one that comes more than once, and one written as a list, is a list.

    Raises ValueError where the text is not what it should be.
    """
    tokens = (token for token in _TOKENS.findall(text) if not token.startswith("#"))
    return _message(tokens, end=None)


def _message(tokens: Iterator[str], end: str | None) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in tokens:
        if name == end:
            return fields
        if name == ",":
            continue
        mark = next(tokens)
        if not name.isidentifier() or mark not in {":", "{", "["}:
            raise ValueError(f"expected a field, found {name!r} {mark!r}")
        value = _value(tokens, next(tokens) if mark == ":" else mark)
        fields[name] = value if name not in fields else [*_listed(fields[name]), *_listed(value)]
    if end is not None:
        raise ValueError(f"expected {end!r} before the end")
    return fields


def _value(tokens: Iterator[str], first: str) -> Any:
    if first == "{":
        return _message(tokens, "}")
    if first == "[":
        return _list(tokens)
    if first.startswith('"'):
        return json.loads(first)
    return first if first[0].isalpha() else json.loads(first)


def _list(tokens: Iterator[str]) -> list[Any]:
    found: list[Any] = []
    for token in tokens:
        if token == "]":
            return found
        if token != ",":
            found.append(_value(tokens, token))
    raise ValueError("expected ']' before the end")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
