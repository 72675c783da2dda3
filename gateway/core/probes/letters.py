"""Probes of what words are made of: reversal, counting letters, ciphers, initials."""

from typing import Final

from gateway.core.probes.draws import Draws
from gateway.core.probes.grading import is_number, is_text
from gateway.core.probes.probe import Family, Task
from gateway.core.probes.vocabulary import FINISH, WORDS

_REVERSED: Final = (1, 1, 2, 3, 4, 6)
"""Words to be reversed as one."""
_COUNTED: Final = (1, 2, 4, 8, 14, 24)
_CIPHERED: Final = ((1, 1), (1, 2), (1, 3), (2, 5), (3, 9), (4, 11))
"""By level: words, and the shift."""
_INITIALS: Final = (3, 5, 8, 12, 18, 28)
_SHORT: Final = 5


def _short_words(draws: Draws, count: int) -> list[str]:
    return draws.sample([word for word in WORDS if len(word) <= _SHORT], count)


def make_reversal(level: int, draws: Draws) -> Task:
    """Spell backwards."""
    count = _REVERSED[level - 1]
    written = "".join(_short_words(draws, count) if level == 1 else draws.sample(WORDS, count))
    backwards = written[::-1]
    return Task(f"Spell `{written}` backwards.\n{FINISH}", f"Answer: {backwards}", is_text(backwards))


def make_count_of_letters(level: int, draws: Draws) -> Task:
    """Count how often a letter occurs."""
    words = draws.sample(WORDS, _COUNTED[level - 1])
    letter = draws.pick("aeiorst")
    count = sum(word.count(letter) for word in words)
    text = f"How many times does the letter `{letter}` occur in this text?\n{' '.join(words)}\n{FINISH}"
    return Task(text, f"Answer: {count}", is_number(count))


def make_cipher(level: int, draws: Draws) -> Task:
    """Move letters along the alphabet."""
    count, shift = _CIPHERED[level - 1]
    written = " ".join(_short_words(draws, count))
    moved = "".join(chr((ord(letter) - 97 + shift) % 26 + 97) if letter != " " else letter for letter in written)
    text = (
        f"Replace each letter of `{written}` by the letter {shift} later in the alphabet; after z comes a again. "
        f"What is the new text?\n{FINISH}"
    )
    return Task(text, f"Answer: {moved}", is_text(moved))


def make_initials(level: int, draws: Draws) -> Task:
    """Join the first letters of words; the last letters on the higher levels, where reading on goes against habit."""
    words = draws.sample(WORDS, _INITIALS[level - 1])
    which, position = ("last", -1) if level > 3 else ("first", 0)
    joined = "".join(word[position] for word in words)
    text = f"Take the {which} letter of each of these words and join them to one word.\n{', '.join(words)}\n{FINISH}"
    return Task(text, f"Answer: {joined}", is_text(joined))


FAMILIES: Final = tuple(
    Family(name, "letters", make)
    for name, make in (
        ("reversal", make_reversal),
        ("letter counts", make_count_of_letters),
        ("cipher", make_cipher),
        ("initials", make_initials),
    )
)
