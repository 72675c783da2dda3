"""What people put around a request and does not belong to it: greetings, thanks, claims that it is hard.

Such sentences make no task harder, and to anyone who would rather be served by a dearer tier they cost nothing; so the
difficulty model does not read them where they stand at either end. A sentence is one of these by its words: each adds
the logarithm of how much likelier it is in them than at the ends of the prompts that were trained on (naive Bayes).
"""

import re
from collections.abc import Mapping, Sequence
from itertools import repeat
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

_FRAMING: Final = frozenset(word for word, odds in FRAME_ODDS.items() if odds > 0)
_END: Final = re.compile(r"[.?!:\n](?:(?<!\n)[ \t]+|(?<=\n)\s*)")
"""Begins with one set of characters, which is searched for twice as fast as two ways to end a sentence are."""
_LAST_END: Final = re.compile(r"\A(?s:.*)(?:[.?!:][ \t]|\n)")
"""Looks from behind for the last end of a sentence."""
_IN_WORD: Final = re.compile(r"[A-Za-z0-9\x80-\U0010ffff]")
"""What `words_of` finds words by."""


def may_be_framed(words: Sequence[bytes]) -> bool:
    """Tell whether a text may begin or end with such a sentence, by the two first and the two last of its words."""
    return not _FRAMING.isdisjoint((*words[:2], *words[-2:]))


def sentences_of(text: str) -> list[str]:
    """Return a text's sentences and lines, those left out that are blank."""
    text = text.strip()
    starts, ends = [0], []
    for end in _END.finditer(text):
        ends.append(_sentence_end(end))
        starts.append(end.end())
    sentences = [text[start:end] for start, end in zip(starts, [*ends, len(text)], strict=True)]
    return [sentence for sentence in sentences if sentence.strip()]


def is_frame(sentence: str, odds: Mapping[bytes, int] = FRAME_ODDS) -> bool:
    """Tell whether a sentence belongs to no request; one without any word does not."""
    words = words_of(sentence)
    return not words or sum(map(odds.get, words, repeat(UNKNOWN_WORD_ODDS))) > 0


def without_frames(text: str) -> str:
    """Return a text as `unframed` does, if its first and last words may belong to such a sentence."""
    return unframed(text) if may_be_framed(words_of(text)) else text


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
    return left if _IN_WORD.search(left) else text


def _sentence_end(found: re.Match[str]) -> int:
    """Return where a sentence ends, its mark included and a line's end not."""
    start = found.start()
    return start if found.string[start] == "\n" else start + 1


def _without_first(text: str) -> str | None:
    end = _END.search(text, 0, SENTENCE_CHARS)
    if end is None:
        return None
    if is_frame(text[: _sentence_end(end)]):
        return text[end.end() :]
    line, _, others = text[:SENTENCE_CHARS].partition("\n")
    return text[len(line) + 1 :].lstrip() if others and is_frame(line) else None


def _without_last(text: str) -> str | None:
    tail = text[-SENTENCE_CHARS:]
    end = _LAST_END.match(tail)
    if end is None:
        return None
    sentence = tail[end.end() :]
    if tail[end.end() - 1] == "\n":
        sentence = sentence.lstrip()
    if is_frame(sentence):
        return text[: len(text) - len(tail) + _before_white(tail, end.end() - 1)]
    others, _, line = tail.rpartition("\n")
    return text[: len(text) - len(tail) + len(others)].rstrip() if others and is_frame(line) else None


def _before_white(text: str, last: int) -> int:
    """Return where the white space begins that parts two sentences: at the first of the ends of lines in it, if any."""
    return text.index("\n", len(text[:last].rstrip())) if text[last] == "\n" else last
