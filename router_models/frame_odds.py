"""Learn which words tell of a sentence that belongs to no request: `gateway/core/frame_words.py`.

Likelier in the wordings that training puts around prompts (`wordings.py`) than in the first and the last sentences of
the prompts themselves. The test split is not looked at.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.core.frames import is_frame, sentences_of
from gateway.core.plain_text import plain_text
from gateway.core.words import words_of
from router_models.data import Outcomes
from router_models.wordings import CLOSINGS, OPENINGS, PLEAS, TAGS

SAID_MORE: Final = 0.3
"""Added to how many wordings have a word; and to how many prompts' sentences, `ASKED_MORE`."""
ASKED_MORE: Final = 30.0
SHORTEST: Final = 2
"""Letters: single ones are options, variables and articles."""
LINE_CHARS: Final = 110


@dataclass(frozen=True, slots=True)
class Learned:
    """`odds` is ten times the logarithm of the odds of each word.

    `found` is the share of the wordings' sentences that are told by the odds learned from the others alone, `mistaken`
    the share of the prompts' first and last sentences that are taken for one.
    """

    odds: Mapping[bytes, int]
    found: float
    mistaken: float


def learn(around: Sequence[str], asked: Sequence[str]) -> Learned:
    """Learn the odds, and how far they are to be trusted."""
    prompts = counted(asked)
    learned = odds(around, prompts, len(asked))
    told = [
        is_frame(sentence, odds([*around[:at], *around[at + 1 :]], prompts, len(asked)))
        for at, sentence in enumerate(around)
    ]
    mistaken = [is_frame(sentence, learned) for sentence in asked]
    return Learned(learned, sum(told) / len(told), sum(mistaken) / max(len(mistaken), 1))


def said_around() -> list[str]:
    """Return the sentences that training puts around prompts."""
    return [sentence for wording in (*OPENINGS, *CLOSINGS, *PLEAS, *TAGS) for sentence in sentences_of(wording)]


def asked(outcomes: Outcomes) -> list[str]:
    """Return the first and the last sentence of every prompt of training."""
    found: list[str] = []
    for query in outcomes.queries:
        if query.split != "test" and (sentences := sentences_of(plain_text(query.prompt)[0])):
            found += {sentences[0], sentences[-1]}
    return found


def odds(around: Sequence[str], prompts: Counter[bytes], sentences: int) -> dict[bytes, int]:
    """Return ten times the logarithm of the odds of each word that stands in `around`."""
    said = counted(around)
    return {
        word: round(
            10
            * (math.log((count + SAID_MORE) / len(around)) - math.log((prompts[word] + ASKED_MORE) / max(sentences, 1)))
        )
        for word, count in sorted(said.items())
        if len(word) >= SHORTEST and word.isalpha()
    }


def counted(sentences: Iterable[str]) -> Counter[bytes]:
    """Count in how many sentences each word stands."""
    return Counter(word for sentence in sentences for word in set(words_of(sentence)))


def module(learned: Mapping[bytes, int]) -> str:
    """Return the text of `gateway/core/frame_words.py`."""
    lines, line = [], ""
    for word, value in learned.items():
        entry = f"{word.decode()} {value},"
        if len(line) + len(entry) > LINE_CHARS:
            lines.append(line)
            line = ""
        line += entry
    body = "\n".join([*lines, line.removesuffix(",")])
    return f'''"""The words of `frames.py`, written by `python -m router_models frames`: do not edit by hand."""

from typing import Final

FRAME_WORDS: Final = """
{body}
"""
"""Each with ten times the logarithm of its odds."""
'''
