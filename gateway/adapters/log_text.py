"""Texts in lines of a log, of which whoever chose them cannot make anything but text."""

from typing import Final

TEXT_CHARS_MAX: Final = 128
"""Of a text that a client or a model server chose, as much is written."""


def safe_text(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Return the beginning of a text, with whatever cannot be seen written as its code.

    JSON escapes what is below U+0020 and nothing else: line separators (U+2028), C1 controls and marks that turn the
    direction of writing reach terminals and viewers as they are, and half of a surrogate pair cannot be written at all.
    """
    text = text[:chars_max]
    if text.isprintable():
        return text
    return "".join([each if each.isprintable() else f"\\u{{{ord(each):04x}}}" for each in text])
