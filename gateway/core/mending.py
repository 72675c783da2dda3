"""Slips of the pen: words with two letters in the wrong order, which the encoder would read as other pieces.

A word that is in the vocabulary stays what it is, so "trial" never becomes "trail", and so does one that is such a word
with an ending; of all others only a swap of two letters is taken back. That changes one prompt in a hundred of those
that the model is trained on, most by slips, some by names ("horus") and spellings ("fibres") that the vocabulary lacks.
"""

from collections.abc import Callable
from typing import Final

MENDED_CHARS_MIN: Final = 5
"""Shorter words have too many neighbours."""
MENDED_CHARS_MAX: Final = 24
"""Longer ones are in no vocabulary of words, and this bounds the time."""
ENDINGS: Final = ("s", "es", "d", "ed", "r", "er", "ing", "ly")


def mended(word: str, is_known: Callable[[str], bool]) -> str:
    """Return the known word that a word becomes when two neighbouring letters change places, or else the word.

    The first letter stays, as it does in nearly all slips. `word` is in lower case.
    """
    length = len(word)
    if not MENDED_CHARS_MIN <= length <= MENDED_CHARS_MAX or not (word.isascii() and word.isalpha()):
        return word
    if is_known(word) or any(word.endswith(ending) and is_known(word[: -len(ending)]) for ending in ENDINGS):
        return word
    for at in range(1, length - 1):
        swapped = f"{word[:at]}{word[at + 1]}{word[at]}{word[at + 2 :]}"
        if is_known(swapped):
            return swapped
    return word
