"""Whether two answers, to what is held to be the same question, say the same: how wrong semantic hits are counted.

A rule and not a model, so that it costs nothing and two gateways count alike. It errs towards "not the same": then a
scope serves less than it could, never more than it may.

- The same words, whatever their case and marks: the same.
- Yes against no, where both begin with that: not.
- Short answers: the same numbers, as much denied, and `SHORT_SHARE` of the fewer content words shared, or else not.
- Long ones: half of the fewer numbers shared, `LONG_SHARE` of the fewer content words, and where both have an embedding
  a cosine of `LONG_COSINE`. A model words the same long answer anew each time, and numbers its points.
"""

import re
from typing import Final

SHORT_WORDS: Final = 40
SHORT_SHARE: Final = 0.75
LONG_SHARE: Final = 0.5
LONG_NUMBERS: Final = 0.5
LONG_COSINE: Final = 0.8

_TOKEN: Final = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*")
_LISTED: Final = re.compile(r"(?m)^[ \t]{0,8}\d{1,3}[.)](?=\s)")
_YES: Final = frozenset(("yes", "yeah", "yep", "true", "correct", "right", "ja", "oui"))
_NO: Final = frozenset(("no", "nope", "false", "incorrect", "wrong", "nein", "non"))
_DENIALS: Final = "not no never none cannot without neither nor t nicht kein keine nie pas jamais"
"""`t` is what is left of "don't"."""
_SMALL_WORDS: Final = """
the a an and or of to in on at by for from with as is are was were be been being it its this that these those he she
they you your i we our their his her them there here which who what when where how can could may might will would should
must do does did has have had but if then so than too very also about into over under up out just only one answer
"""
_DENIED: Final = frozenset(_DENIALS.split())
_EMPTY: Final = frozenset(_SMALL_WORDS.split())


def is_same_answer(first: str, second: str, cosine: float | None = None) -> bool:
    """Tell whether two answers say the same. `cosine` is of their embeddings; None where one of them has none."""
    words, others = _tokens(first), _tokens(second)
    if words == others:
        return True
    if not words or not others or _verdict(words[0]) * _verdict(others[0]) < 0:
        return False
    numbers, other_numbers = _numbers(words), _numbers(others)
    shared = _share(_content(words), _content(others))
    if max(len(words), len(others)) <= SHORT_WORDS:
        return numbers == other_numbers and _denied(words) == _denied(others) and shared >= SHORT_SHARE
    if _share(numbers, other_numbers) < LONG_NUMBERS or shared < LONG_SHARE:
        return False
    return cosine is None or cosine >= LONG_COSINE


def _tokens(text: str) -> list[str]:
    found: list[str] = _TOKEN.findall(_LISTED.sub(" ", text).casefold())
    return found


def _numbers(words: list[str]) -> set[str]:
    """Return the numbers, without the commas that part thousands."""
    return {word.replace(",", "").rstrip(".") for word in words if word[0].isdigit()}


def _content(words: list[str]) -> set[str]:
    return {word for word in words if not word[0].isdigit() and word not in _EMPTY and word not in _DENIED}


def _share(first: set[str], second: set[str]) -> float:
    """Return which share of the smaller set is in the other; 1 where that is empty."""
    fewer = min(len(first), len(second))
    return len(first & second) / fewer if fewer else 1.0


def _denied(words: list[str]) -> bool:
    return not _DENIED.isdisjoint(words)


def _verdict(word: str) -> int:
    return (word in _YES) - (word in _NO)
