"""Which words of two questions stand for each other, and in what order.

Words are matched by their stems, each once and from left to right. What is left is matched where a slip of the pen
explains it: a wrong letter, or a space in the wrong place, too many or missing. The rest is unmatched: what one
question says in a word that the other does not have.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from gateway.core.question_words import FUNCTION_WORDS, JOINING, are_opposites, has_opposites
from gateway.domain.noun import noun
from gateway.domain.question import Question

_RESPELT_CHARS: Final = 4
"""In a shorter word one letter makes another word."""
_PAIR_CHARS: Final = 2
NO_MATCH: Final = -1


@noun
class Alignment:
    """`match` has for each asked word the position of its cached one, or `NO_MATCH`; `back` the same the other way.

    `unmatched` and `unmatched_back` are positions without one, `content` and `content_back` those of them that are no
    function words. `respelt` counts the slips. `moved` are the pairs of matched content
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
    respelt = 0
    if left and left_back:
        respelt = _match_slipped(asked.words, cached.words, match, back, left, left_back)
        respelt += _match_respelt(asked.words, cached.words, match, back, left, left_back)
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


def _match_slipped(
    words: Sequence[str],
    others: Sequence[str],
    match: list[int],
    back: list[int],
    left: list[int],
    left_back: list[int],
) -> int:
    """Match what is the same but for spaces ("ist he" and "is the"), take it out of both lists, and count it."""
    there = _runs(others, left_back)
    found = 0
    for letters, places in _runs(words, left).items():
        places_back = there.get(letters, ())
        if not places_back or not (set(places) <= set(left) and set(places_back) <= set(left_back)):
            continue
        for at, to in zip(places, places_back, strict=False):
            match[at], back[to] = to, at
        # Of two words that stand for one, both lead to it.
        match[places[-1]], back[places_back[-1]] = places_back[-1], places[-1]
        left[:] = [at for at in left if at not in places]
        left_back[:] = [to for to in left_back if to not in places_back]
        found += 1
    return found


def _runs(words: Sequence[str], left: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Return unmatched words and pairs of neighbours among them, by their letters without the space."""
    found: dict[str, tuple[int, ...]] = {words[at]: (at,) for at in left}
    for at, after in pairwise(left):
        if after == at + 1 and words[at].isalpha() and words[after].isalpha():
            found[words[at] + words[after]] = (at, after)
    return found


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
        for to in left_back:
            other = others[to]
            # One wrong letter leaves the first or the last as it was, of more than two. Looking there first is quick.
            if (
                (other[0] == first or other[-1] == last or size == _PAIR_CHARS)
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
    """Tell whether one letter is missing, too many, wrong, or has changed places with its neighbour.

    Of short words only the last counts, and only where one of the two is a function word and the other none ("teh").
    """
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if len(long) - len(short) > 1 or not (short.isalpha() and long.isalpha()):
        return False
    if len(short) < _RESPELT_CHARS:
        is_slip = len(short) == len(long) and (one in FUNCTION_WORDS) != (other in FUNCTION_WORDS)
        return is_slip and _have_changed_places(one, other)
    at = _first_other(short, long)
    if len(short) < len(long):
        return short[at:] == long[at + 1 :]
    return short[at + 1 :] == long[at + 1 :] or _have_changed_places(short, long)


def _have_changed_places(one: str, other: str) -> bool:
    """Tell whether two different words of one length differ in the order of two neighbouring letters alone."""
    at = _first_other(one, other)
    return one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]


def _first_other(short: str, long: str) -> int:
    at = 0
    while at < len(short) and short[at] == long[at]:
        at += 1
    return at


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
