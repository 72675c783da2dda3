"""What the difficulty model reads of a text: its words, and some twenty numbers about its shape.

This is the only implementation: training and serving call it alike, so what was learned is what is asked. It works on
bytes, because `bytes.translate`, `split` and `count` run in C and take a tenth of the time of a regular expression.
A change here changes what a trained model means: raise `FEATURE_VERSION`, and artefacts of older versions are refused.
"""

from math import log1p
from typing import Final

from gateway.core.frames import may_be_framed, unframed, without_frames
from gateway.core.plain_text import HEAD_CHARS, TAIL_CHARS, ends_of, essence, is_uneven, repeats, said_once, turn_text
from gateway.core.words import WORD_TABLE
from gateway.domain.noun import noun

FEATURE_VERSION: Final = 3

MAX_WORDS: Final = 4 * (HEAD_CHARS + TAIL_CHARS)
"""More words than any text can yield: a word takes a byte at least, and a character takes four at most."""


_COUNTED: Final = (b"?", b"$", b"\\", b"{", b"=", b"(", b",", b".", b'"', b"^", b"`")
"""One-byte marks only, which `bytes.count` finds by vector instructions. Longer ones (`def`, `boxed`, the letters of
options) are words as well, and cost nothing there."""
_NOT_COUNTED: Final = bytes(set(range(256)).difference(*_COUNTED))
_LOG1P: Final = tuple(map(log1p, range(HEAD_CHARS + TAIL_CHARS + 2)))
"""Of every count that a text can yield."""

SCALAR_NAMES: Final = (
    "log_chars",
    "log_chars_squared",
    "log_words",
    "word_length",
    "distinct_share",
    "digit_share",
    "non_ascii_share",
    "is_cut",
    "log_lines",
    *(f"count {mark.decode()!r}" for mark in _COUNTED),
)


@noun
class TextFeatures:
    """Distinct words (lower case, digits as `0`, UTF-8), and the numbers that `SCALAR_NAMES` names, in its order."""

    words: frozenset[bytes]
    scalars: tuple[float, ...]


NO_FEATURES: Final = TextFeatures(frozenset(), (0.0,) * len(SCALAR_NAMES))


def extract(user_text: str, context_text: str = "") -> TextFeatures:
    """Return the features of a request's text; `NO_FEATURES` when it holds no word."""
    return features_of(*turn_text(user_text, context_text))


def features_of(turn: str, unread: int) -> TextFeatures:
    """Return the same of a turn that `turn_text` has cleaned.

    What a text says over and over is looked for only where an end that is read shows it, or may have its white space
    made even: that costs more than all else.
    """
    whole = turn
    raw, cut = ends_of(whole)
    plain = raw.translate(WORD_TABLE)
    if may_be_framed((*plain.split(None, 2)[:2], *plain.rsplit(None, 2)[-2:])):
        uneven = cut and (is_uneven(turn[:HEAD_CHARS]) or is_uneven(turn[-TAIL_CHARS:]))
        whole = essence(turn) if uneven else unframed(turn)
        if whole is not turn:
            raw, cut = ends_of(whole)
            plain = raw.translate(WORD_TABLE)
    every = plain.split()
    words = frozenset(every)
    if repeats(len(every), len(words)) and (once := said_once(turn)) != turn:
        whole = without_frames(once)
        raw, cut = ends_of(whole)
        plain = raw.translate(WORD_TABLE)
        every = plain.split()
        words = frozenset(every)
    if not every:
        return NO_FEATURES
    read = len(b" ".join(every))
    log_chars = log1p(read + cut + unread) * 0.2
    chars = len(whole) - cut + bool(cut)
    marks = raw.translate(None, _NOT_COUNTED)
    return TextFeatures(
        words,
        (
            log_chars,
            log_chars * log_chars,
            log1p(len(every)) * 0.2,
            0.1 * read / len(every),
            len(words) / len(every),
            plain.count(b"0") / read,
            1.0 - chars / len(raw),
            1.0 if cut else 0.0,
            log1p(len([line for line in raw.split(b"\n") if line.strip()])),
            *[_LOG1P[count] for count in map(marks.count, _COUNTED)],
        ),
    )
