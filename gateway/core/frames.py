"""What people put around a request and does not belong to it: greetings, thanks, claims that it is hard.

Such sentences make no task harder, and to anyone who would rather be served by a dearer tier they cost nothing; so the
difficulty model does not read them where they stand at either end. A sentence is one of these by its words: each adds
the logarithm of how much likelier it is in them than at the ends of the prompts that were trained on (naive Bayes).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.core.frame_words import FRAME_WORDS
from gateway.core.words import words_of

FRAME_ODDS: Final = {word.encode(): int(odds) for word, odds in map(str.split, FRAME_WORDS.strip().split(","))}
"""Of each word ten times its natural logarithm of odds."""
UNKNOWN_WORD_ODDS: Final = -10
SENTENCE_CHARS: Final = 200
"""No longer sentence is looked at."""
FRAMES_MAX: Final = 8
"""At each end, so many sentences are taken off at most."""

_END: Final = re.compile(r"(?<=[.?!:])[ \t]+|\n\s*")


def may_be_framed(words: Sequence[bytes]) -> bool:
    """Tell whether a text may begin or end with such a sentence, by the two first and the two last of its words."""
    ends = (words[0], words[1 % len(words)], words[-2 % len(words)], words[-1])
    return max([FRAME_ODDS.get(word, 0) for word in ends]) > 0


def sentences_of(text: str) -> list[str]:
    """Return a text's sentences and lines, those left out that are blank."""
    return [sentence for sentence in _END.split(text.strip()) if sentence.strip()]


def is_frame(sentence: str, odds: Mapping[bytes, int] = FRAME_ODDS) -> bool:
    """Tell whether a sentence belongs to no request; one without any word does not."""
    words = words_of(sentence)
    return not words or sum([odds.get(word, UNKNOWN_WORD_ODDS) for word in words]) > 0


def unframed(text: str) -> str:
    """Return a text without such sentences at its ends; one that holds nothing else is returned as it is."""
    left = text
    for _ in range(FRAMES_MAX):
        if (rest := _without_first(left)) is None:
            break
        left = rest
    for _ in range(FRAMES_MAX):
        if (rest := _without_last(left)) is None:
            break
        left = rest
    return left if words_of(left) else text


def _without_first(text: str) -> str | None:
    end = _END.search(text, 0, SENTENCE_CHARS)
    if end is None:
        return None
    if is_frame(text[: end.start()]):
        return text[end.end() :]
    line, _, others = text[:SENTENCE_CHARS].partition("\n")
    return text[len(line) + 1 :].lstrip() if others and is_frame(line) else None


def _without_last(text: str) -> str | None:
    tail = text[-SENTENCE_CHARS:]
    ends = list(_END.finditer(tail))
    if not ends:
        return None
    before = len(text) - len(tail)
    if is_frame(tail[ends[-1].end() :]):
        return text[: before + ends[-1].start()]
    others, _, line = tail.rpartition("\n")
    return text[: before + len(others)].rstrip() if others and is_frame(line) else None
