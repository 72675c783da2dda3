"""Pairs made by rule from questions: small edits that change what is asked, and others that do not.

Labelled pairs of a forum are edits of each other by chance only. These show, one at a time, what a change of a number,
a name, a word, a denial or an order does, in any wording, so that kinds of edits that are in no labelled set are no
surprise. What a rule calls a change now and then is none (a synonym in the place of a word).
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Final

import numpy as np

from gateway.core.question import read_question, stem_of
from gateway.core.question_words import FUNCTION_WORDS, JOINING, OPPOSITES
from router_models.verifier.pairs import Pairs, pairs_of
from router_models.verifier.space import PieceTable

EDITED: Final = "edited"
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+|[^\w\s]")
_ASKING: Final = frozenset(("is", "are", "was", "were", "do", "does", "did", "can", "could", "should", "would", "will"))
_SURELY: Final = ("really", "actually", "truly", "honestly", "just", "simply")
_WRAPPED: Final = (
    "Do you know {}",
    "Please tell me: {}",
    "Can anybody explain {}",
    "I would like to know: {}",
    "Quick question: {}",
    "{} Thanks.",
    "{} Please explain.",
)
_CONTRACTED: Final = (
    (" is not ", " isn't "), (" are not ", " aren't "), (" do not ", " don't "), (" does not ", " doesn't "),
    (" did not ", " didn't "), (" can not ", " can't "), (" will not ", " won't "), ("What is ", "What's "),
    ("Who is ", "Who's "), ("Where is ", "Where's "), ("How is ", "How's "), ("What are ", "What're "),
    (" I am ", " I'm "), (" I have ", " I've "), ("It is ", "It's "), ("That is ", "That's "),
    (" should not ", " shouldn't "),
)  # fmt: skip
_NEIGHBOURS: Final = 12
_LIKENESS_MOST: Final = 0.9
"""A word that is more like another may be the same word in another form."""
_TIMES_LEAST: Final = 5
"""A rarer word is as often a misspelling."""

Edit = Callable[["Wordlist", list[str], Random], list[str] | None]


@dataclass(frozen=True, slots=True)
class Wordlist:
    """What edits put in: names and plain words that are common in the questions, and which words are near to a word."""

    names: tuple[str, ...]
    modifiers: tuple[str, ...]
    near: Mapping[str, tuple[str, ...]]


def make_edits(questions: Sequence[str], table: PieceTable, seed: int, times: int) -> Pairs:
    """Return up to `times` edits of each question, drawn among those that can be made of it."""
    chance, words = Random(seed), _wordlist(questions, table)  # noqa: S311 - a draw that can be repeated
    rows: list[tuple[str, str, int]] = []
    for question in questions:
        parts = _WORD.findall(question)
        for name in chance.sample(tuple(EDITS), times):
            edit, label = EDITS[name]
            edited = edit(words, parts, chance)
            if edited is not None and edited != parts:
                sides = [question, _joined(edited)]
                chance.shuffle(sides)
                rows.append((sides[0], sides[1], label))
        if chance.random() < _FORM_SHARE:
            form = _another_form(question, chance)
            if form != question:
                rows.append((question, form, 1))
    return pairs_of(rows, split="train", kind=EDITED)


_FORM_SHARE: Final = 0.35


def _another_form(question: str, chance: Random) -> str:
    possible = [(long, short) for long, short in _CONTRACTED if long in question]
    if possible and chance.random() < 0.6:
        long, short = chance.choice(possible)
        return question.replace(long, short, 1)
    wrapping = chance.choice(_WRAPPED)
    return wrapping.format(
        question if wrapping.startswith("{}") or ":" in wrapping else question[:1].lower() + question[1:]
    )


def _joined(parts: Sequence[str]) -> str:
    return re.sub(r" ([?.!,;:%)])", r"\1", " ".join(parts))


def _wordlist(questions: Sequence[str], table: PieceTable) -> Wordlist:
    names: Counter[str] = Counter()
    plain: Counter[str] = Counter()
    for text in questions:
        question = read_question(text)
        for word, is_name in zip(question.words, question.names, strict=True):
            if word.isalpha() and word not in FUNCTION_WORDS:
                (names if is_name else plain)[word] += 1
    common = tuple(word for word, times in plain.items() if times >= _TIMES_LEAST and len(word) > 2)
    modifiers = tuple(word for word in common if word.endswith(("al", "ive", "ous", "ful", "ic", "less", "ary", "ant")))
    often = tuple(word for word, times in names.items() if times >= _TIMES_LEAST)
    return Wordlist(tuple(word.capitalize() for word in often), modifiers, _near(common, table))


def _near(words: Sequence[str], table: PieceTable) -> dict[str, tuple[str, ...]]:
    """Return for each word others that stand in like places, by the table alone: animals for animals."""
    if not words:
        return {}
    vectors = np.array([table.table[table.pieces.ids(word)].sum(axis=0) for word in words], np.float32)
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9))
    found = {}
    for at, word in enumerate(words):
        likeness = vectors @ vectors[at]
        nearest = np.argsort(-likeness)[: 2 * _NEIGHBOURS]
        others = [words[to] for to in nearest if likeness[to] < _LIKENESS_MOST and stem_of(words[to]) != stem_of(word)]
        found[word] = tuple(others[:_NEIGHBOURS])
    return found


def _places(parts: Sequence[str], wanted: Callable[[str, int], bool]) -> list[int]:
    return [at for at, part in enumerate(parts) if wanted(part, at)]


def _put(parts: Sequence[str], at: int, *words: str, over: int = 1) -> list[str]:
    """Put words in the place of `over` others."""
    return [*parts[:at], *words, *parts[at + over :]]


def _number(words: Wordlist, parts: list[str], chance: Random) -> list[str] | None:
    places = _places(parts, lambda part, at: part.isdigit())
    if not places:
        return None
    at = chance.choice(places)
    low = 10 ** (len(parts[at]) - 1) if len(parts[at]) > 1 else 0
    number = (
        int(parts[at]) + chance.choice((-2, -1, 1, 2, 3, 10))
        if chance.random() < 0.5
        else chance.randint(low, 10 * low + 9)
    )
    return _put(parts, at, str(abs(number)))


def _name(words: Wordlist, parts: list[str], chance: Random) -> list[str] | None:
    places = _places(parts, lambda part, at: at > 0 and part[0].isupper() and len(part) > 1 and part.isalpha())
    if not places or not words.names:
        return None
    at = chance.choice(places)
    over = 2 if at + 1 in places and chance.random() < 0.5 else 1
    return _put(parts, at, *(chance.choice(words.names) for _ in range(over)), over=over)


def _word(words: Wordlist, parts: list[str], chance: Random) -> list[str] | None:
    places = _places(parts, lambda part, at: bool(words.near.get(part)))
    if not places:
        return None
    at = chance.choice(places)
    return _put(parts, at, chance.choice(words.near[parts[at]]))


def _modifier(words: Wordlist, parts: list[str], chance: Random) -> list[str] | None:
    places = _places(parts, lambda part, at: at > 1 and part in words.near and parts[at - 1] in FUNCTION_WORDS)
    if not places or not words.modifiers:
        return None
    at = chance.choice(places)
    return _put(parts, at, chance.choice(words.modifiers), over=0)


def _denial(words: Wordlist, parts: list[str], chance: Random) -> list[str] | None:
    if "not" in parts:
        at = parts.index("not")
        return [*parts[:at], *parts[at + 1 :]]
    places = _places(parts, lambda part, at: part == "to" or part.lower() in _ASKING)
    if not places:
        return None
    at = chance.choice(places)
    # Behind the verb, and where the verb asks behind who does it: "is it not", "should I not"; but "not to".
    behind = at if parts[at] == "to" else at + 1 + (at == 0 or parts[at - 1].lower() in _QUESTIONS)
    return _put(parts, min(behind, len(parts)), "not", over=0)


_QUESTIONS: Final = frozenset(("what", "which", "who", "when", "where", "why", "how"))


def _opposite(words: Wordlist, parts: list[str], chance: Random) -> list[str] | None:
    places = _places(parts, lambda part, at: part.lower() in OPPOSITES)
    if not places:
        return None
    at = chance.choice(places)
    return _put(parts, at, chance.choice(sorted(OPPOSITES[parts[at].lower()])))


def _exchange(words: Wordlist, parts: list[str], chance: Random) -> list[str] | None:
    """Exchange two content words between which nothing joins: who does what to whom."""
    places = _places(parts, lambda part, at: part.isalpha() and part.lower() not in FUNCTION_WORDS and len(part) > 2)
    pairs = [
        (at, later)
        for at, later in pairwise(places)
        if later > at + 1
        and JOINING.isdisjoint(part.lower() for part in parts[at:later])
        and "," not in parts[at:later]
    ]
    if not pairs:
        return None
    at, later = chance.choice(pairs)
    return [*parts[:at], parts[later], *parts[at + 1 : later], parts[at], *parts[later + 1 :]]


def _joined_exchange(words: Wordlist, parts: list[str], chance: Random) -> list[str] | None:
    """Exchange the words on both sides of "and" or "or", which changes nothing."""
    places = _places(parts, lambda part, at: part in ("and", "or") and 0 < at < len(parts) - 1)
    places = [at for at in places if parts[at - 1].isalpha() and parts[at + 1].isalpha()]
    if not places:
        return None
    at = chance.choice(places)
    return _put(parts, at - 1, parts[at + 1], parts[at], parts[at - 1], over=3)


def _filler(words: Wordlist, parts: list[str], chance: Random) -> list[str] | None:
    places = _places(parts, lambda part, at: at > 1 and part in words.near and parts[at - 1] in FUNCTION_WORDS)
    return _put(parts, chance.choice(places), chance.choice(_SURELY), over=0) if places else None


def _misspelt(words: Wordlist, parts: list[str], chance: Random) -> list[str] | None:
    places = _places(parts, lambda part, at: len(part) > 4 and part.isalpha())
    if not places or chance.random() < _SLIPS:
        return _slipped(parts, chance)
    at = chance.choice(places)
    word, letter = parts[at], chance.randrange(len(parts[at]) - 1)
    kept = word[letter + 1] + word[letter] if chance.random() < 0.6 else word[letter]
    return _put(parts, at, word[:letter] + kept + word[letter + 2 :])


_SLIPS: Final = 0.4
"""Of slips of the pen this share concerns a space or a short word."""


def _slipped(parts: list[str], chance: Random) -> list[str] | None:
    """Move a space by one letter, or exchange two letters of a short word."""
    places = _places(parts, lambda part, at: len(part) > 1 and part.isalpha())
    if not places:
        return None
    at = chance.choice(places)
    word = parts[at]
    if len(word) <= _SHORT_CHARS and chance.random() < 0.5:
        letter = chance.randrange(len(word) - 1)
        return _put(parts, at, word[:letter] + word[letter + 1] + word[letter] + word[letter + 2 :])
    if at + 1 < len(parts) and parts[at + 1].isalpha():
        return _put(parts, at, word[:-1], word[-1] + parts[at + 1], over=2)
    return None


_SHORT_CHARS: Final = 3

EDITS: Final[Mapping[str, tuple[Edit, int]]] = {
    "number": (_number, 0),
    "name": (_name, 0),
    "word": (_word, 0),
    "modifier": (_modifier, 0),
    "denial": (_denial, 0),
    "opposite": (_opposite, 0),
    "exchange": (_exchange, 0),
    "joined exchange": (_joined_exchange, 1),
    "filler": (_filler, 1),
    "misspelt": (_misspelt, 1),
}
"""Each with its label: whether one answer still does."""


def strangers(questions: Sequence[str], count: int, seed: int) -> Pairs:
    """Return pairs of questions drawn at random: what most neighbours in a small scope are."""
    chance = Random(seed)  # noqa: S311 - a draw that can be repeated
    rows = [(chance.choice(questions), chance.choice(questions), 0) for _ in range(count)]
    return pairs_of([row for row in rows if row[0] != row[1]], split="train", kind=EDITED)
