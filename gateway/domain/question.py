"""A question as it is compared with others: parsed once, by `core/question.py`, and kept beside what was answered."""

from enum import StrEnum

from gateway.domain.noun import noun


@noun
class Question:
    """What a text says, in the terms in which two texts may differ.

    `words` are in order and in plain form: lower case, contractions written out, number words as digits. `stems` has as
    many words again, without endings, and `names` as many truths: a word begins with a capital that its place in the
    sentence does not explain. `numbers`, `units` (those that follow a number, and signs of money) and `denials` are
    words of `words` again, in order. `asks` is the first question word, "is" where a verb asks, or empty; `quoted`
    holds what stands in quotation marks; `scripts` the alphabets used beside Latin.
    """

    text: str
    words: tuple[str, ...]
    stems: tuple[str, ...]
    names: tuple[bool, ...]
    numbers: tuple[str, ...]
    units: tuple[str, ...]
    denials: tuple[str, ...]
    asks: str
    quoted: tuple[str, ...]
    scripts: frozenset[str]


class GuardKind(StrEnum):
    """In what two questions plainly differ, by rule and not by training."""

    NUMBER = "number"
    UNIT = "unit"
    NEGATION = "negation"
    ANTONYM = "antonym"
    ORDER = "order"
    NAME = "name"
    LANGUAGE = "language"


_SAYS = {
    GuardKind.NUMBER: "numbers differ",
    GuardKind.UNIT: "units differ",
    GuardKind.NEGATION: "one is denied",
    GuardKind.ANTONYM: "opposites",
    GuardKind.ORDER: "the same words in another order",
    GuardKind.NAME: "names differ",
    GuardKind.LANGUAGE: "languages differ",
}


@noun
class Guard:
    """One such difference: what the question that is asked says there, and what the cached one says."""

    kind: GuardKind
    asked: str
    cached: str

    def __str__(self) -> str:
        return f"{_SAYS[self.kind]}: {self.asked or 'nothing'} / {self.cached or 'nothing'}"


@noun
class Judgement:
    """What a verifier says of two questions: the probability that one answer does for both, and what speaks against.

    Guards are evidence, for receipts; they have been weighed in the probability already.
    """

    probability: float
    cosine: float
    guards: frozenset[Guard]


@noun
class ScoreCounts:
    """How often would-be hits were right and wrong, by the verifier's probability.

    Bin i holds probabilities from `edges[i]` up to the next edge; the first edge is 0. All three are equally long.
    """

    edges: tuple[float, ...]
    right: tuple[int, ...]
    wrong: tuple[int, ...]
