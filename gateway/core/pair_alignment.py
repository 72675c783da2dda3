"""Which words of two questions stand for each other, and in what order.

Words are matched by their stems, each once and from left to right; what is left is matched where one letter is wrong.
The rest is unmatched: what one question says in a word that the other does not have.
"""

from collections.abc import Sequence
from typing import Final

from gateway.core.question_words import FUNCTION_WORDS, JOINING, are_opposites, has_opposites
from gateway.domain.noun import noun
from gateway.domain.question import Question

_RESPELT_CHARS: Final = 4
"""In a shorter word one letter makes another word."""
NO_MATCH: Final = -1


@noun
class Alignment:
    """`match` has for each asked word the position of its cached one, or `NO_MATCH`; `back` the same the other way.

    `unmatched` and `unmatched_back` are positions without one, `content` and `content_back` those of them that are no
    function words. `respelt` counts the pairs in which a letter is wrong. `moved` are the pairs of matched content
    words that stand in the other order, as positions in the asked question. `opposites` are unmatched words, asked and
    cached, of which one is the contrary of the other, each used once.
    """

    match: tuple[int, ...]
    back: tuple[int, ...]
    unmatched: tuple[int, ...]
    unmatched_back: tuple[int, ...]
    content: tuple[int, ...]
    content_back: tuple[int, ...]
    respelt: int
    moved: tuple[tuple[int, int], ...]
    opposites: tuple[tuple[str, str], ...]


def align(asked: Question, cached: Question) -> Alignment:
    """Match the words of two questions."""
    match, back = _by_stem(asked.stems, cached.stems)
    left = [at for at, to in enumerate(match) if to == NO_MATCH]
    left_back = [at for at, to in enumerate(back) if to == NO_MATCH]
    respelt = _match_respelt(asked.words, cached.words, match, back, left, left_back) if left and left_back else 0
    return Alignment(
        match=tuple(match),
        back=tuple(back),
        unmatched=tuple(left),
        unmatched_back=tuple(left_back),
        content=tuple([at for at in left if asked.words[at] not in FUNCTION_WORDS]),
        content_back=tuple([at for at in left_back if cached.words[at] not in FUNCTION_WORDS]),
        respelt=respelt,
        moved=_moved(asked.words, match),
        opposites=_opposites([asked.words[at] for at in left], [cached.words[to] for to in left_back]),
    )


def _by_stem(stems: Sequence[str], others: Sequence[str]) -> tuple[list[int], list[int]]:
    places: dict[str, list[int]] = {}
    for at in range(len(others) - 1, -1, -1):
        places.setdefault(others[at], []).append(at)
    match, back = [NO_MATCH] * len(stems), [NO_MATCH] * len(others)
    for at, stem in enumerate(stems):
        free = places.get(stem)
        if free:
            match[at] = to = free.pop()
            back[to] = at
    return match, back


def _match_respelt(
    words: Sequence[str],
    others: Sequence[str],
    match: list[int],
    back: list[int],
    left: list[int],
    left_back: list[int],
) -> int:
    """Match what is left where one letter is wrong, take it out of both lists, and count it."""
    found = 0
    for at in tuple(left):
        word = words[at]
        first, last, size = word[0], word[-1], len(word)
        if size < _RESPELT_CHARS:
            continue
        for to in left_back:
            other = others[to]
            # One wrong letter leaves the first or the last as it was. Looking there first is ten times as quick.
            if (
                (other[0] == first or other[-1] == last)
                and -1 <= len(other) - size <= 1
                and is_respelt(word, other)
                and not are_opposites(word, other)
            ):
                match[at], back[to] = to, at
                left.remove(at)
                left_back.remove(to)
                found += 1
                break
    return found


def is_respelt(one: str, other: str) -> bool:
    """Tell whether one letter is missing, too many, wrong, or has changed places with its neighbour."""
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if len(short) < _RESPELT_CHARS or len(long) - len(short) > 1 or not (short.isalpha() and long.isalpha()):
        return False
    at = 0
    while at < len(short) and short[at] == long[at]:
        at += 1
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    if short[at + 1 :] == long[at + 1 :]:
        return True
    return short[at] == long[at + 1] and short[at + 1] == long[at] and short[at + 2 :] == long[at + 2 :]


def _moved(words: Sequence[str], match: Sequence[int]) -> tuple[tuple[int, int], ...]:
    places = [(at, to) for at, to in enumerate(match) if to != NO_MATCH and words[at] not in FUNCTION_WORDS]
    targets = [to for _, to in places]
    if targets == sorted(targets):
        return ()
    return tuple(
        [(at, later) for index, (at, to) in enumerate(places) for later, other in places[index + 1 :] if other < to]
    )


def is_joined(words: Sequence[str], at: int, later: int) -> bool:
    """Tell whether between two words stands one beside which they may change places."""
    return not JOINING.isdisjoint(words[at + 1 : later])


def _opposites(here: Sequence[str], there: Sequence[str]) -> tuple[tuple[str, str], ...]:
    if not has_opposites(here, there):
        return ()
    free = list(there)
    found = []
    for word in here:
        for other in free:
            if are_opposites(word, other):
                found.append((word, other))
                free.remove(other)
                break
    return tuple(found)
