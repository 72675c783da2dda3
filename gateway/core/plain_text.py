"""A text without what changes its looks or its length but says nothing: the difficulty model reads nothing else.

Characters of no width, spaces of other widths, letters of other shapes, the marks of lists, headings and bold type,
blobs in Base64 and phrases said over and over would each move a request to another tier, and cost nothing to put there.
Of a text without them nothing is changed and little time is taken: what is looked for is found by vector instructions,
and only what is found costs more.
"""

import re
import unicodedata
from collections import Counter
from typing import Final

from gateway.core.frames import without_frames
from gateway.core.words import words_of

HEAD_CHARS: Final = 300
TAIL_CHARS: Final = 500
"""A longer text is read at both ends only: instructions stand at the start, the question at the end (few-shot and
retrieval prompts), and the time is bounded. Reading 512 and 1024 characters instead changed no measured figure."""

LOOKED_AT_CHARS: Final = 2_048
"""A longer text is looked at in so many characters at each end, which bounds the time. It is more than any stage reads,
so that padding at one end does not take the place of what stands beside it."""

BLOB_CHARS: Final = 48
"""Unbroken letters, digits, `+` and `/`: no word is as long, and links and paths have other marks between."""

REPEATED_TIMES: Final = 10
"""So often three words in a row may come again, as in the options of a question, of which there are ten at most.
"""
VARIED_SHARE: Final = 0.4
"""Of a text whose distinct words are a larger share, repetition is not looked for: it has too little to matter."""
FEW_WORDS: Final = 40
"""Nor is it in a text of fewer words."""

SHORT_TURN_CHARS: Final = 80
CONTEXT_CHARS: Final = 400
"""A short last turn ("and in French?") leans on the turn before it, so the end of that turn is read as well."""

_NO_WIDTH: Final = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")
_BLOB: Final = re.compile(f"[A-Za-z0-9+/]{{{BLOB_CHARS},}}={{0,2}}")
_LISTED: Final = re.compile(r"\n[ \t]*(?:[-*>]|#{1,6}) +(?=\S)")
_BOLD: Final = re.compile(r"\*\*(?<!\S\*\*)([^*\n]+)\*\*(?!\S)")
"""Both begin with what is found by vector instructions, which `^` and a look behind are not."""
_BLOB_TABLE: Final = bytes(
    ord("x") if code < 0x80 and (chr(code).isalnum() or chr(code) in "+/") else ord(" ") for code in range(256)
)
_BLOB_FOUND: Final = b"x" * BLOB_CHARS


def plain_text(text: str) -> tuple[str, int]:
    """Return a text as it is to be read, and how many characters between its ends were not looked at."""
    unread = len(text) - 2 * LOOKED_AT_CHARS
    if unread > 0:
        text = f"{text[:LOOKED_AT_CHARS]}\n{text[-LOOKED_AT_CHARS:]}"
    if not text.isascii():
        for char in _NO_WIDTH:
            text = text.replace(char, "")
        text = unicodedata.normalize("NFKC", text)
    bold = "*" in text and "**" in text
    has_lines = "\n" in text
    if has_lines and " \n" in text:
        *lines, last = text.split("\n")
        text = "\n".join([*[line.rstrip(" \t") for line in lines], last])
    if has_lines or bold:
        text = _LISTED.sub("\n", f"\n{text}")[1:]
    if bold:
        text = _BOLD.sub(r"\1", text)
    if _BLOB_FOUND in text.encode("utf-8", "surrogatepass").translate(_BLOB_TABLE):
        text = _BLOB.sub(" ", text)
    return text.strip(), max(unread, 0)


def repeats(words: int, distinct: int) -> bool:
    """Tell whether a text of so many words may say something over and over."""
    return words > FEW_WORDS and distinct < VARIED_SHARE * words


def without_repeats(text: str) -> str:
    """Return a text's words but for those that end three in a row which came `REPEATED_TIMES` times before.

    What stands between words becomes one space; lines stay.
    """
    if not _has_repeats(text.split()):
        if not is_uneven(text):
            return text.strip()
        return "\n".join(filter(None, [" ".join(line.split()) for line in text.split("\n")]))
    times: dict[tuple[str, str, str], int] = {}
    kept_lines = []
    first = second = ""
    for line in text.split("\n"):
        kept = []
        for word in line.split():
            three = (first, second, word)
            first, second = second, word
            times[three] = seen = times.get(three, 0) + 1
            if seen <= REPEATED_TIMES:
                kept.append(word)
        if kept:
            kept_lines.append(" ".join(kept))
    return "\n".join(kept_lines)


def _has_repeats(words: list[str]) -> bool:
    """Tell whether any three words in a row come too often; where no single word does, no three do."""
    if max(Counter(words).values(), default=0) <= REPEATED_TIMES:
        return False
    return max(Counter(zip(words, words[1:], words[2:], strict=False)).values(), default=0) > REPEATED_TIMES


def turn_text(user_text: str, context_text: str) -> tuple[str, int]:
    """Return the last turn as `plain_text` does; a short one with the end of the turn before it."""
    text, unread = plain_text(user_text)
    if len(text) < SHORT_TURN_CHARS and context_text:
        text = f"{plain_text(context_text)[0][-CONTEXT_CHARS:].lstrip()}\n{text}"
    return text, unread


def ends_of(text: str) -> tuple[bytes, int]:
    """Return what is read of a text, and how many of its characters are not."""
    cut = len(text) - HEAD_CHARS - TAIL_CHARS
    if cut > 0:
        text = f"{text[:HEAD_CHARS]} {text[-TAIL_CHARS:]}"
    return text.encode("utf-8", "surrogatepass"), max(cut, 0)


def said_once(text: str) -> str:
    """Return a text without what it says over and over."""
    words = words_of(text)
    return without_repeats(text) if repeats(len(words), len(set(words))) else text


def essence(text: str) -> str:
    """Return a text without what it says over and over, and without what is said around its request."""
    return without_frames(said_once(text))


def is_uneven(text: str) -> bool:
    """Tell whether a text has white space that `without_repeats` makes even."""
    if "\t" in text or "\r" in text or "  " in text:
        return True
    return "\n" in text and ("\n\n" in text or "\n " in text or " \n" in text)
