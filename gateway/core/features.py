"""What the difficulty model reads of a text: its words, and some twenty numbers about its shape.

This is the only implementation: training and serving call it alike, so what was learned is what is asked. It works on
bytes, because `bytes.translate`, `split` and `count` run in C and take a tenth of the time of a regular expression.
A change here changes what a trained model means: raise `FEATURE_VERSION`, and artefacts of older versions are refused.
"""

import math
from typing import Final

from gateway.core.frames import may_be_framed
from gateway.core.plain_text import essence, repeats, turn_text
from gateway.core.words import WORD_TABLE
from gateway.domain.noun import noun

FEATURE_VERSION: Final = 2

HEAD_CHARS: Final = 300
TAIL_CHARS: Final = 500
"""A longer text is read at both ends only: instructions stand at the start, the question at the end (few-shot and
retrieval prompts), and the time is bounded. Reading 512 and 1024 characters instead changed no measured figure."""

MAX_WORDS: Final = 4 * (HEAD_CHARS + TAIL_CHARS)
"""More words than any text can yield: a word takes a byte at least, and a character takes four at most."""


_COUNTED: Final = (b"?", b"\n", b"$", b"\\", b"{", b"=", b"(", b",", b".", b'"', b"^", b"`")
"""One-byte marks only, which `bytes.count` finds by vector instructions. Longer ones (`def`, `boxed`, the letters of
options) are words as well, and cost nothing there."""

SCALAR_NAMES: Final = (
    "log_bytes",
    "log_bytes_squared",
    "log_words",
    "word_length",
    "distinct_share",
    "digit_share",
    "non_ascii_share",
    "is_cut",
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
    whole, unread = turn_text(user_text, context_text)
    raw, cut = _ends(whole)
    plain = raw.translate(WORD_TABLE)
    every = plain.split()
    if not every:
        return NO_FEATURES
    words = frozenset(every)
    if may_be_framed(every) or repeats(len(every), len(words)):
        whole = essence(whole)
        raw, cut = _ends(whole)
        plain = raw.translate(WORD_TABLE)
        every = plain.split()
        words = frozenset(every)
    read, size = len(raw), len(whole) + unread
    log_bytes = math.log1p(size) * 0.2
    log1p = math.log1p
    return TextFeatures(
        words,
        (
            log_bytes,
            log_bytes * log_bytes,
            log1p(len(every)) * 0.2,
            0.1 * read / len(every),
            len(words) / len(every),
            plain.count(b"0") / read,
            1.0 - (len(whole) - cut) / read,
            1.0 if cut else 0.0,
            *[log1p(raw.count(mark)) for mark in _COUNTED],
        ),
    )


def _ends(text: str) -> tuple[bytes, int]:
    """Return what is read of a text, and how many of its characters are not."""
    cut = len(text) - HEAD_CHARS - TAIL_CHARS
    if cut > 0:
        text = f"{text[:HEAD_CHARS]} {text[-TAIL_CHARS:]}"
    return text.encode("utf-8", "surrogatepass"), max(cut, 0)
