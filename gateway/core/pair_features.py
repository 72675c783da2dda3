"""What a verifier reads of two questions: how their words cover each other, and each kind of difference in numbers.

`likeness[i][j]` is the cosine between the vectors of asked word i and cached word j, and a word's weight says how much
it tells; both come from a table of word vectors, so the caller computes them. Everything else is read off the words.
The same function serves training and the gateway.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from gateway.core.pair_alignment import NO_MATCH, Alignment, is_joined
from gateway.core.question_words import (
    DIRECTIONS,
    FILLERS,
    FUNCTION_WORDS,
    OPPOSITES,
    WORD_CLASSES,
)
from gateway.domain.question import Question

PAIR_FEATURES_VERSION: Final = 2
FEATURE_NAMES: Final = (
    "cosine",
    *("cover_least", "cover_most", "shared_weight", "loss_most", "loss_other"),
    *("content", "content_both", "content_weight", "content_weight_both", "content_weight_share"),
    *("substitute_best", "substitute_worst", "content_one_sided"),
    *(
        "moved",
        "moved_share",
        "moved_joined",
        "moved_apart",
        "neighbours_kept",
        "turns",
        "same_words",
        "same_words_moved",
    ),
    *("words_before", "directions_before"),
    *("numbers_same", "numbers_exchanged", "numbers_one_sided", "numbers_moved", "units_differ"),
    *("opposites", "denials_differ", "denial_parity"),
    *("names_exchanged", "names_one_sided", "name_for_word"),
    *("function", "function_both", *(f"class_{at}" for at in range(len(WORD_CLASSES))), "fillers", "no_fillers"),
    *("asks_differ", "asks_of_another", "length_ratio", "first_matched", "last_matched", "words_least", "words_most"),
    *("quoted_differ", "scripts_differ", "respelt", "content_matched", "weight", "names"),
)
Matrix = Sequence[Sequence[float]]
Weights = Sequence[float]


def pair_features(
    asked: Question,
    cached: Question,
    pair: Alignment,
    cosine: float,
    likeness: Matrix,
    weights: Weights,
    cached_weights: Weights,
) -> tuple[float, ...]:
    """Return numbers in the order of `FEATURE_NAMES`; both questions have a word at least, and `pair` is theirs."""
    likeness_back = tuple(zip(*likeness, strict=True))
    return (
        cosine,
        *_cover(pair, likeness, likeness_back, weights, cached_weights),
        *_content(pair, likeness, likeness_back, weights, cached_weights),
        *_order(asked, cached, pair),
        *_numbers(asked, cached),
        *_denial(asked, cached, pair),
        *_names(asked, cached, pair),
        *_function_words(asked, cached, pair),
        *_shape(asked, cached, pair),
        float(sum(weights) + sum(cached_weights)),
        float(sum(asked.names) + sum(cached.names)),
    )


def _cover(
    pair: Alignment, likeness: Matrix, likeness_back: Matrix, weights: Weights, cached_weights: Weights
) -> tuple[float, ...]:
    lost, missing = _lost(pair.unmatched, likeness, weights)
    lost_back, missing_back = _lost(pair.unmatched_back, likeness_back, cached_weights)
    whole, whole_back = max(sum(weights), _LEAST_WEIGHT), max(sum(cached_weights), _LEAST_WEIGHT)
    cover, cover_back = 1.0 - sum(lost) / whole, 1.0 - sum(lost_back) / whole_back
    most, most_back = max(lost, default=0.0), max(lost_back, default=0.0)
    return (
        min(cover, cover_back),
        max(cover, cover_back),
        1.0 - (missing + missing_back) / (whole + whole_back),
        max(most, most_back),
        min(most, most_back),
    )


def _lost(unmatched: Sequence[int], likeness: Matrix, weights: Weights) -> tuple[list[float], float]:
    """Return what each unmatched word says that no word of the other question does, and what all of them weigh."""
    lost, missing = [], 0.0
    for at in unmatched:
        missing += (weight := weights[at])
        lost.append(weight * (1.0 - max(likeness[at])))
    return lost, missing


_LEAST_WEIGHT: Final = 1e-6


def _content(
    pair: Alignment, likeness: Matrix, likeness_back: Matrix, weights: Weights, cached_weights: Weights
) -> tuple[float, ...]:
    here, there = pair.content, pair.content_back
    weight, weight_back = sum([weights[at] for at in here]), sum([cached_weights[to] for to in there])
    whole = max(sum(weights) + sum(cached_weights), _LEAST_WEIGHT)
    substitutes = [1.0]
    if here and there:
        substitutes = [*_nearest(likeness, here, there), *_nearest(likeness_back, there, here)]
    return (
        float(len(here) + len(there)),
        float(min(len(here), len(there))),
        weight + weight_back,
        min(weight, weight_back),
        (weight + weight_back) / whole,
        max(substitutes),
        min(substitutes),
        0.0 if here and there else weight + weight_back,
    )


def _nearest(likeness: Matrix, here: Sequence[int], there: Sequence[int]) -> list[float]:
    """Return how like each word of the one side is to the most like of the other."""
    if len(there) == 1:
        return [likeness[at][there[0]] for at in here]
    pick = itemgetter(*there)
    return [max(pick(likeness[at])) for at in here]


def _order(asked: Question, cached: Question, pair: Alignment) -> tuple[float, ...]:
    match = pair.match
    content = [(at, to) for at, to in enumerate(match) if to != NO_MATCH and asked.words[at] not in FUNCTION_WORDS]
    pairs = len(content) * (len(content) - 1) / 2
    joined = sum([is_joined(asked.words, at, later) for at, later in pair.moved])
    followed = [(to, match[at + 1]) for at, to in enumerate(match[:-1]) if to != NO_MATCH]
    kept = sum([following == to + 1 for to, following in followed])
    turns = sum([NO_MATCH < following < to for to, following in followed])
    same = not pair.unmatched and not pair.unmatched_back
    before = [(_before(asked.words, at), _before(cached.words, to)) for at, to in content]
    return (
        float(len(pair.moved)),
        len(pair.moved) / pairs if pairs else 0.0,
        float(joined),
        float(len(pair.moved) - joined),
        2.0 * kept / max(len(match) + len(pair.back) - 2, 1),
        float(turns),
        float(same),
        float(same and turns > 0),
        float(sum([one != other for one, other in before])),
        float(
            sum(
                [one in DIRECTIONS and other in DIRECTIONS and other in OPPOSITES.get(one, ()) for one, other in before]
            )
        ),
    )


def _before(words: Sequence[str], at: int) -> str:
    return words[at - 1] if at else ""


def _numbers(asked: Question, cached: Question) -> tuple[float, ...]:
    same = sorted(asked.numbers) == sorted(cached.numbers)
    only, only_cached = set(asked.numbers) - set(cached.numbers), set(cached.numbers) - set(asked.numbers)
    exchanged = min(len(only), len(only_cached))
    return (
        float(same and bool(asked.numbers)),
        float(exchanged),
        float(max(len(only), len(only_cached), not same) - exchanged),
        float(same and asked.numbers != cached.numbers),
        float(bool(asked.units and cached.units) and sorted(asked.units) != sorted(cached.units)),
    )


def _denial(asked: Question, cached: Question, pair: Alignment) -> tuple[float, ...]:
    opposites = len(pair.opposites)
    denials, denials_cached = len(asked.denials), len(cached.denials)
    return (
        float(opposites),
        float(abs(denials - denials_cached)),
        float((denials + denials_cached + opposites) % 2),
    )


def _names(asked: Question, cached: Question, pair: Alignment) -> tuple[float, ...]:
    here = sum([asked.names[at] for at in pair.unmatched])
    there = sum([cached.names[to] for to in pair.unmatched_back])
    exchanged = min(here, there)
    for_word = not exchanged and bool((here and pair.content_back) or (there and pair.content))
    return (float(exchanged), float(max(here, there) - exchanged), float(for_word))


def _function_words(asked: Question, cached: Question, pair: Alignment) -> tuple[float, ...]:
    here = [asked.words[at] for at in pair.unmatched]
    there = [cached.words[to] for to in pair.unmatched_back]
    count, count_back = len(here) - len(pair.content), len(there) - len(pair.content_back)
    fillers = sum([word in FILLERS for word in here]) + sum([word in FILLERS for word in there])
    return (
        float(count + count_back),
        float(min(count, count_back)),
        *[float((not words.isdisjoint(here)) + (not words.isdisjoint(there))) for words in WORD_CLASSES],
        float(fillers),
        float(len(here) + len(there) - fillers),
    )


def _shape(asked: Question, cached: Question, pair: Alignment) -> tuple[float, ...]:
    size, size_cached = len(asked.words), len(cached.words)
    both_ask = bool(asked.asks and cached.asks)
    matched = sum(
        [to != NO_MATCH and word not in FUNCTION_WORDS for word, to in zip(asked.words, pair.match, strict=True)]
    )
    return (
        0.0 if asked.asks == cached.asks else 1.0 + both_ask,
        float(both_ask and asked.asks == cached.asks and _asked_of(asked) != _asked_of(cached)),
        min(size, size_cached) / max(size, size_cached),
        float(pair.match[0] == 0),
        float(pair.match[-1] == size_cached - 1),
        float(min(size, size_cached)),
        float(max(size, size_cached)),
        float(set(asked.quoted) != set(cached.quoted)),
        float(asked.scripts != cached.scripts),
        float(pair.respelt),
        float(matched),
    )


def _asked_of(question: Question) -> str:
    """Return the word behind the question word: "how many", "what colour"."""
    if question.asks == "is":
        return ""
    at = question.words.index(question.asks) + 1
    return question.words[at] if at < len(question.words) else ""
