"""The shape of a JSON text, read from its bytes: how deep it nests, how many members it has, and where they lie.

All of it is linear in the size of the text, whatever the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import msgspec

from gateway.domain.request import Span

_OPEN, _CLOSE = b"[{", b"]}"
_STEPS = bytes(1 if byte in _OPEN else 0xFF if byte in _CLOSE else byte for byte in range(256))
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in _OPEN + _CLOSE)
_WHITESPACE = b" \t\r\n"
# Possessive, and the closing quote is optional: an unterminated string is consumed once and never tried again.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},:]', re.DOTALL)
_KEY = msgspec.json.Decoder(str)


def skeleton(text: bytes) -> bytes:
    """Return what stands outside the strings, quotes dropped: brackets, commas, colons, numbers and words."""
    # Without this pair of bytes every quote opens or closes a string.
    if b"\\" in text and b'\\"' in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(text.split(b'"')[::2])


def steps(bones: bytes) -> bytes:
    """Return one byte for each bracket of a skeleton: 1 where it opens, 255 (a signed -1) where it closes."""
    return bones.translate(_STEPS, _NOT_BRACKETS)


def depths(signs: bytes) -> list[int]:
    """Return the nesting depth behind each bracket, from `steps`."""
    return list(accumulate(memoryview(signs).cast("b")))


def count_members(value: Any) -> int:
    """Count the members of every object within a decoded JSON value."""
    total = 0
    pending = [value]
    while pending:
        node = pending.pop()
        if type(node) is dict:
            total += len(node)
            node = node.values()
        pending += [child for child in node if type(child) is dict or type(child) is list]
    return total


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object. `start` is where its key's opening quote stands, `value` spans its value."""

    key: str
    start: int
    value: Span


def top_members(text: bytes) -> Iterator[Member]:
    """Walk through the members of a JSON object in order, duplicates included. `text` must be a valid object."""
    depth = key_start = value_start = 0
    key: str | None = None
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in (b"{", b"["):
            depth += 1
            continue
        if depth != 1:
            depth -= mark in (b"}", b"]")
            continue
        if mark == b":":
            value_start = token.end()
        elif mark in (b",", b"}"):
            if key is not None:
                yield Member(key, key_start, _trim(text, value_start, token.start()))
            key = None
            depth -= mark == b"}"
        elif key is None:
            key, key_start = _read_key(mark), token.start()


def without_member(text: bytes, member: Member) -> bytes:
    """Cut a member out of an object, with the comma that is then left over."""
    head, tail = text[: member.start].rstrip(_WHITESPACE), text[member.value.end :].lstrip(_WHITESPACE)
    if head.endswith(b","):
        return head[:-1] + tail
    return head + tail.removeprefix(b",")


def _read_key(quoted: bytes) -> str:
    try:
        return _KEY.decode(quoted)
    except UnicodeDecodeError:
        # A parser that skips a member does not look into its key.
        return quoted[1:-1].decode("utf-8", "replace")


def _trim(text: bytes, start: int, end: int) -> Span:
    while text[start] in _WHITESPACE:
        start += 1
    while text[end - 1] in _WHITESPACE:
        end -= 1
    return Span(start, end)
