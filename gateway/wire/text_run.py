"""Chunks in a row that differ in the text of one choice alone: most of a stream.

Such a chunk, or the event that it comes in, is known by the bytes before and behind its text, and nothing else of it is
read.
"""

import re
from typing import Any, Final

import msgspec

# What may stand beside a text that goes on: to be told it twice changes nothing.
_SAID_AGAIN: Final = frozenset({"content", "finish_reason", "index", "role"})
_TEXTS = msgspec.json.Decoder(list[str])
_PLAIN = msgspec.json.Decoder(dict[str, Any])
_DATA: Final = b"data: "
_PLAIN_TEXT: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_CONTENT: Final = re.compile(rb'"content": ?"([^"]*)"')


class TextRun:
    """Chunks in a row that are one of one choice again, but for the text of its `content`."""

    def __init__(self, before: bytes, behind: bytes, index: Any) -> None:
        self._before = before
        self._behind = behind
        self._from, self._beyond = len(before), len(behind)
        self.index = index
        self._texts: list[bytes] = []

    def text_in(self, data: bytes) -> bytes | None:
        """Return the text of a chunk that is such a one, as JSON spells it between its quotes; None of any other.

        A text that ends in a backslash may escape what stands behind it.
        """
        until = len(data) - self._beyond
        if until < self._from or not (data.startswith(self._before) and data.endswith(self._behind)):
            return None
        text = data[self._from : until]
        return None if b'"' in text or text.endswith(b"\\") else text

    def takes(self, data: bytes) -> bool:
        """Take a chunk in if it is such a one."""
        text = self.text_in(data)
        if text is None:
            return False
        self._texts.append(text)
        return True

    def chunk(self) -> dict[str, Any]:
        """Return one chunk that says what all of them say."""
        texts = _TEXTS.decode(b'["' + b'","'.join(self._texts) + b'"]') if self._texts else []
        return {"choices": [{"index": self.index, "delta": {"content": "".join(texts)}}]}


class EventRun:
    """Events in a row, each one line of data with a chunk of one choice again, but for the text of its `content`."""

    __slots__ = ("_before", "_behind", "_between", "_beyond", "_from", "index")

    def __init__(self, before: bytes, behind: bytes, index: Any) -> None:
        self._before = before
        self._behind = behind
        self._between = behind + before
        self._from, self._beyond = len(before), len(behind)
        self.index = index

    def texts_at(self, data: bytes, at: int) -> tuple[list[bytes], int]:
        """Return the texts of the events there as JSON spells them between its quotes, and where those events end.

        They end before any other event, and before one whose text holds an escape or bytes that are no text. Empty
        texts are left out.
        """
        texts: list[bytes] = []
        if not data.startswith(self._before, at):
            return texts, at
        begin, between, skipped = at + self._from, self._between, self._from + self._beyond
        is_next = True
        while is_next:
            plain = _PLAIN_TEXT.match(data, begin)
            assert plain is not None, "nothing at all is plain, too"
            end = plain.end()
            text = data[begin:end]
            # Nearly always another such event follows, so that both are looked for at once.
            is_next = data.startswith(between, end)
            if not (is_next or data.startswith(self._behind, end)) or not (text.isascii() or _is_utf8(text)):
                return texts, begin - self._from
            if text:
                texts.append(text)
            begin = end + skipped
        return texts, begin - self._from


def run_after(data: bytes, chunk: dict[str, Any]) -> TextRun | None:
    """Return what chunks like this one may follow in, None where more than the text of one choice goes on in them."""
    around = _around(data, chunk)
    return None if around is None else TextRun(*around)


def events_after(event: bytes) -> EventRun | None:
    """Return what events like this one may follow in, as `run_after` does. The event must be one line of data."""
    try:
        chunk = _PLAIN.decode(event[len(_DATA) :])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # It was read leniently.
        return None
    around = _around(event, chunk)
    return None if around is None else EventRun(*around)


def _around(data: bytes, chunk: dict[str, Any]) -> tuple[bytes, bytes, Any] | None:
    """Return what stands before and behind the text of a chunk, and the choice that says it.

    Without an escape in it, what reads `"content"` in a chunk is a name, and if there is one of them it is the delta's.
    """
    choices, content = chunk.get("choices"), _CONTENT.search(data)
    if content is None or b"\\" in data or data.count(b'"content"') != 1 or chunk.get("usage") is not None:
        return None
    choice = choices[0] if isinstance(choices, list) and len(choices) == 1 else None
    delta = choice.get("delta") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(delta, dict) or "content" not in delta:
        return None
    beside = [*delta.items(), *((name, value) for name, value in choice.items() if name != "delta")]
    if any(value is not None and not (name in _SAID_AGAIN and isinstance(value, str | int)) for name, value in beside):
        return None
    return data[: content.start(1)], data[content.end(1) :], choice.get("index", 0)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
