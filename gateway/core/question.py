"""Parse a text into the terms in which questions differ: one pass over its words, some tens of microseconds.

English grammar by lists and endings. A text in another language has words and numbers like any other, and little else;
what that is worth is for the verifier to learn and for a scope's own labels to bound.
"""

import re
import unicodedata
from typing import Final

from gateway.core.question_words import (
    ASKING_VERBS,
    DENIALS,
    MONEY_SIGNS,
    NUMBER_WORDS,
    QUESTION_WORDS,
    UNITS,
)
from gateway.domain.question import Question

QUESTION_VERSION: Final = 2
"""To be raised when a text is parsed otherwise: a verifier fits the parser that it was trained with."""
READ_CHARS: Final = 2_048
WORDS_MAX: Final = 64
"""More are not compared, which bounds the time. Whoever asks a longer question is not served by another's answer."""

_APOSTROPHES: Final = str.maketrans("’‘`´“”", "''''\"\"")
_TOKEN: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?[+#]{0,2}|\d[\d.,:/]*|[%$€£₹+*/=<>^.?!]")
_QUOTED: Final = re.compile(r'"([^"]{1,200})"')
_ENDS: Final = frozenset(".?!")
_ENDINGS: Final = {"re": "are", "m": "am", "ll": "will", "ve": "have", "d": "would"}
_IS_BEHIND: Final = frozenset((*QUESTION_WORDS, "it", "he", "she", "that", "there", "here"))
"""Behind these an apostrophe and an s are a verb, and elsewhere they say whose something is."""
_IRREGULAR: Final = {"can": "can", "won": "will", "shan": "shall", "ain": "is"}
_IN_ORDER: Final = ["in", "order"]
"""Before "to" they say nothing."""
_SHOUTED_SHARE: Final = 0.5
_LATIN_ENDS: Final = 0x250


def read_question(text: str) -> Question:
    """Parse a text; of a long one its first words."""
    plain = text[:READ_CHARS].translate(_APOSTROPHES)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain)
    words: list[str] = []
    names: list[bool] = []
    starts, asks = True, ""
    for written in _TOKEN.findall(plain):
        if written in _ENDS:
            starts = True
            continue
        is_name = not starts and written[0].isupper() and written != "I" and not written.startswith("I'")
        for word in _words_of(written):
            if not asks and (word in QUESTION_WORDS or (starts and word in ASKING_VERBS)):
                asks = word if word in QUESTION_WORDS else "is"
            if word == "to" and words[-2:] == _IN_ORDER:
                del words[-2:], names[-2:]
            words.append(word)
            names.append(is_name)
            starts = is_name = False
        if len(words) >= WORDS_MAX:
            break
    if sum(names) > _SHOUTED_SHARE * len(names):
        names = [False] * len(names)
    return Question(
        text=text,
        words=tuple(words),
        stems=tuple([stem_of(word) for word in words]),
        names=tuple(names),
        numbers=tuple([word for word in words if word[0].isdigit()]),
        units=_units(words),
        denials=tuple([word for word in words if word in DENIALS]),
        asks=asks,
        quoted=tuple([said.lower() for said in _QUOTED.findall(plain)]) if '"' in plain else (),
        scripts=_NO_SCRIPTS if plain.isascii() else _scripts(plain),
    )


def _words_of(written: str) -> tuple[str, ...]:
    """Return the words that a token stands for, two of a contraction."""
    word = written.lower()
    if word[0].isdigit():
        return (word.rstrip(".,:/").replace(",", ""),)
    if "'" in word:
        stem, _, ending = word.partition("'")
        if ending == "t" and stem.endswith("n"):
            return (_IRREGULAR.get(stem, stem[:-1]), "not")
        if ending == "s":
            return (stem, "is") if stem in _IS_BEHIND else (stem,)
        return (stem, _ENDINGS[ending]) if ending in _ENDINGS else (stem, ending)
    if word == "cannot":
        return ("can", "not")
    return (NUMBER_WORDS.get(word, word),)


def _units(words: list[str]) -> tuple[str, ...]:
    found = [
        stem_of(word) for word, before in zip(words[1:], words, strict=False) if before[0].isdigit() and word in UNITS
    ]
    return tuple(found + [word for word in words if word in MONEY_SIGNS])


_NO_SCRIPTS: Final[frozenset[str]] = frozenset()


def _scripts(text: str) -> frozenset[str]:
    letters = {char for char in text if ord(char) >= _LATIN_ENDS and char.isalpha()}
    return frozenset(unicodedata.name(char, "unnamed").split()[0].capitalize() for char in letters)


def stem_of(word: str) -> str:
    """Return a word without the endings of number, tense and manner: the same for forms of one word, as a rule."""
    if len(word) < 4 or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("ing") and len(word) > 5:
        return _undoubled(word[:-3])
    if word.endswith("ed") and len(word) > 4:
        return _undoubled(word[:-2])
    if word.endswith("es") and word[-3] in "sxzh":
        return word[:-2]
    if word.endswith("s") and word[-2] not in "su":
        return word[:-1].removesuffix("e")
    if word.endswith("ly") and len(word) > 5:
        return word[:-2].removesuffix("e")
    return word.removesuffix("e")


def _undoubled(stem: str) -> str:
    if stem[-1] == stem[-2] and stem[-1] not in "ls":
        return stem[:-1]
    return stem.removesuffix("e")
