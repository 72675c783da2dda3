"""The rows that every source yields, and what all prompts are given alike: a group and a split."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

_OPTIONS: Final = re.compile(r"\n\(?A[.:)]")
_NOT_PLAIN: Final = re.compile(r"[^a-z0-9]+")
GROUP_DIGITS: Final = 12
"""48 bits: among a hundred thousand questions the chance of one accidental meeting is about 2 in 100,000."""

TRAIN_SHARE: Final = 0.7
VALID_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class SourceQuery:
    """One prompt as a source has it. `second_turn` is what the user said after the first answer, if anything."""

    id: str
    dataset: str
    category: str | None
    prompt: str
    contaminated: bool = False
    second_turn: str | None = None


@dataclass(frozen=True, slots=True)
class SourceOutcome:
    """How well a model answered: `score` is 0..1; `output_chars` is None where the answer was not published."""

    query_id: str
    model: str
    score: float
    output_chars: int | None = None


@dataclass(frozen=True, slots=True)
class Tables:
    """All rows of one source, and what was left out of them, in words."""

    queries: list[SourceQuery] = field(default_factory=list)
    outcomes: list[SourceOutcome] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def group_of(prompt: str) -> str:
    """Return a hash of the question without its options, case, spaces and marks.

    So a question has one group whichever benchmark quotes it, and with whichever options.
    """
    question = _OPTIONS.split(prompt, maxsplit=1)[0]
    plain = _NOT_PLAIN.sub("", question.lower())
    return hashlib.sha1(plain.encode(), usedforsecurity=False).hexdigest()[:GROUP_DIGITS]


def split_of(group: str) -> str:
    """Return train, valid or test (70/10/20) from a hash of the group, so that no group is ever on two sides."""
    share = int(hashlib.sha256(f"split {group}".encode()).hexdigest()[:8], 16) / 0x1_0000_0000
    if share < TRAIN_SHARE:
        return "train"
    return "valid" if share < TRAIN_SHARE + VALID_SHARE else "test"


def with_options(question: str, options: list[str]) -> str:
    """Lay a multiple-choice question out, one lettered option a line."""
    return "\n".join([question, *(f"{chr(ord('A') + at)}. {option}" for at, option in enumerate(options))])
