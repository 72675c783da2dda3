"""BERT's uncased WordPiece tokeniser, with a memory of what it cut before.

The encoder and the static vectors read the pieces of words. Most words of a text have been seen before, so what stands
between two spaces is looked up whole, punctuation and all: some 0.1 µs each, where cutting takes up to 10 and the
library `tokenizers` 2.7 a piece. It cuts as that library does, but for three things:

- characters that Unicode took in after 2015 are judged by today's tables, where the library's are older. None of them
  is in a vocabulary of that time.
- what looks like a special token (`[SEP]`) is text: callers must not be able to write one.
- lone surrogates, which the library cannot be given, are dropped.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from copy import copy
from functools import lru_cache
from typing import Final

from gateway.core.mending import mended

CLS: Final = "[CLS]"
SEP: Final = "[SEP]"
UNKNOWN: Final = "[UNK]"
PADDING: Final = "[PAD]"
_SPECIAL: Final = (CLS, SEP, UNKNOWN, PADDING)

WORD_CHARS_MAX: Final = 100
"""A longer word is one unknown piece, as in the models' own training."""
REMEMBERED_CHUNKS: Final = 65_536
"""Some 10 MB, and more words than a vocabulary of 30,000 pieces has: what is used again within a while stays."""
REMEMBERED_CHARS_MAX: Final = 32
"""Longer chunks are links, base64 and tables' rules, which do not come again."""

_CONTINUED: Final = "##"
_BETWEEN: Final = re.compile("[\t\n\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
"""White space; but vertical tabs, form feeds and the like count as control characters, which are dropped."""
_CONTROL: Final = bytes(code for code in (*range(32), 127) if chr(code) not in "\t\n\r")
_LOWER: Final = bytes(range(128)).lower() + bytes(range(128, 256))
_DROPPED: Final = frozenset(("Cc", "Cf", "Co", "Cs"))
_CHARS_KNOWN: Final = 8_192
"""Characters whose plain form is kept at hand: more than the alphabets and the common ideographs together."""
_NO_PIECE: Final = -1
_IDEOGRAPHS: Final = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)
"""Each is a word of its own. One range begins later than its block does; the models were trained so."""


class WordPieces:
    """Cuts texts into the ids of a vocabulary, whose entries stand at their ids' positions."""

    def __init__(self, vocabulary: Sequence[str], *, remembered: int = REMEMBERED_CHUNKS) -> None:
        """Raise ValueError when the vocabulary lacks a special token."""
        special = {piece: position for position, piece in enumerate(vocabulary) if piece in _SPECIAL}
        if missing := [piece for piece in _SPECIAL if piece not in special]:
            raise ValueError(f"the vocabulary has no {', '.join(missing)}")
        self.first, self.last, self.padding = special[CLS], special[SEP], special[PADDING]
        self._unknown = (special[UNKNOWN],)
        continued = len(_CONTINUED)
        self._starts = _prefixes((piece, n) for n, piece in enumerate(vocabulary) if not piece.startswith(_CONTINUED))
        self._follows = _prefixes(
            (piece[continued:], n) for n, piece in enumerate(vocabulary) if piece.startswith(_CONTINUED)
        )
        self._generation = max(remembered // 2, 1)
        self._recent: dict[bytes | str, tuple[int, ...]] = {}
        self._older: dict[bytes | str, tuple[int, ...]] = {}
        self._mends = False

    def mending(self) -> "WordPieces":
        """Return what cuts by the same vocabulary, after taking back slips of the pen, with a memory of its own."""
        other = copy(self)
        other._recent, other._older, other._mends = {}, {}, True
        return other

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text's pieces, without the two that enclose a sequence."""
        # Bytes take a third of the time, where one byte is one character.
        is_plain = text.isascii()
        chunks = text.encode().translate(_LOWER, _CONTROL).split() if is_plain else _BETWEEN.split(text)
        found: list[int] = []
        known = self._recent.get
        for chunk in chunks:
            ids = known(chunk)
            found += self._recall(chunk) if ids is None else ids
        return found

    @property
    def remembered(self) -> int:
        """Tell how many chunks are remembered."""
        return len(self._recent) + len(self._older)

    def _recall(self, chunk: bytes | str) -> tuple[int, ...]:
        """Look among the older half, or cut; and remember. When the recent half is full it becomes the older one."""
        ids = self._older.get(chunk)
        if ids is None:
            ids = self._cut(chunk.decode() if isinstance(chunk, bytes) else chunk)
            if len(chunk) > REMEMBERED_CHARS_MAX:
                return ids
        if len(self._recent) >= self._generation:
            # Its content moves and the dictionary stays: `ids` holds its method.
            self._older = self._recent.copy()
            self._recent.clear()
        self._recent[chunk] = ids
        return ids

    def _cut(self, chunk: str) -> tuple[int, ...]:
        words = "".join(map(_plain, chunk)).split()
        return tuple(piece for word in words for piece in self._pieces(word))

    def _pieces(self, word: str) -> Sequence[int]:
        """Take the longest piece that fits, again and again; a word with a part that no piece fits is unknown."""
        length = len(word)
        if length > WORD_CHARS_MAX:
            return self._unknown
        if self._mends:
            word = mended(word, self._is_piece)
        start, prefixes = 0, self._starts
        pieces: list[int] = []
        while start < length:
            longest, piece = start, _NO_PIECE
            for end in range(start + 1, length + 1):
                found = prefixes.get(word[start:end])
                if found is None:
                    break
                if found != _NO_PIECE:
                    longest, piece = end, found
            if piece == _NO_PIECE:
                return self._unknown
            pieces.append(piece)
            start, prefixes = longest, self._follows
        return pieces

    def _is_piece(self, word: str) -> bool:
        return self._starts.get(word, _NO_PIECE) != _NO_PIECE


def _prefixes(pieces: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return every beginning of a piece, with the piece's id where it is the whole of one.

    With them a search ends at the first character that leads nowhere. From the longest piece downwards it takes three
    times as long, and sixteen times in random letters.
    """
    whole = dict(pieces)
    beginnings = {piece[:end]: _NO_PIECE for piece in whole for end in range(1, len(piece))}
    return beginnings | whole


@lru_cache(_CHARS_KNOWN)
def _plain(char: str) -> str:
    """Return a character in lower case without accents, "" for a control character, and marks between spaces.

    Each by itself: the lower case of a whole word would have another sigma at its end.
    """
    if unicodedata.category(char) in _DROPPED or char == "\ufffd":
        return ""
    bare = [part for part in unicodedata.normalize("NFD", char) if unicodedata.category(part) != "Mn"]
    plain = "".join([f" {part} " if _is_mark(part) else part.lower() for part in bare])
    return f" {plain} " if any(low <= ord(char) <= high for low, high in _IDEOGRAPHS) else plain


def _is_mark(char: str) -> bool:
    """Tell whether a character counts as punctuation: all of ASCII that is printed and no letter or digit does."""
    if char.isascii():
        return "!" <= char <= "~" and not char.isalnum()
    return unicodedata.category(char)[0] == "P"
