"""The measures of semantic hits as they are told: one line each, and the card of the verifier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

OURS: Final = "verifier"
ENCODER: Final = "encoder"
"""The verifier for routes that are scored by the encoder."""


@dataclass(frozen=True, slots=True)
class Line:
    """One measure: what was found by each way to decide, as it is told; `reached` says whether ours meets the goal.

    None where there is no goal, and the line is there to be compared with another.
    """

    id: str
    measure: str
    goal: str
    moonshot: str
    found: Mapping[str, str]
    reached: bool | None


def names_of(lines: list[Line]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for line in lines for name in line.found))


def with_encoder(lines: list[Line], others: Sequence[Line]) -> list[Line]:
    """Return lines that tell beside ours what the same measures found of the verifier that reads the encoder."""
    found = {(other.id, other.measure): other.found[OURS] for other in others}
    return [
        replace(line, found={OURS: line.found[OURS], ENCODER: found[key], **line.found}) if key in found else line
        for line in lines
        for key in [(line.id, line.measure)]
    ]


def cells_of(line: Line, lines: list[Line]) -> tuple[str, ...]:
    found = (line.found.get(name, "–") for name in names_of(lines))
    standing = {True: "reached", False: "missed", None: "–"}[line.reached]
    return (line.id, line.measure, line.goal, line.moonshot, *found, standing)


def card(lines: list[Line], where: str) -> str:
    """Return the card as Markdown."""
    headings = ("", "measure", "goal", "moonshot", *names_of(lines), "")
    rows = [headings, tuple("---" for _ in headings), *(cells_of(line, lines) for line in lines)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{_ABOUT.format(where=where)}\n{table}\n\n{_TRIED}\n{_LIMITS}"


_ABOUT: Final = """# Card: the verifier of semantic hits

Written by `python -m load_tests cache_quality --card router_models/VERIFIER_CARD.md`: {where}.

**What it is.** Says how probable it is that the answer to one question does for another. Both are parsed
(`gateway/core/question.py`), their words aligned by stem, across slips of the pen, and by the likeness of their
vectors; 61 features of the pair are read by 300 boosted trees. Word vectors are the difficulty model's, with weights
and a projection learned here.

**Data.** Quora question pairs (GPTCache's benchmark, MIT), split by connected component: the space and the trees know
the train split, the calibration split gives the Platt map and the counts that thresholds rest on. Beside them the train
half of CheckList's edits (MIT), edits made by rule of training questions, and pairs of strangers. The artefact holds
numbers alone.

**With an encoder** (MiniLM, int8; the column "encoder") its cosine takes the place of the static vectors', on routes
with `scorer: encoder`. The trees are fitted on 15,000 of the train pairs, the same edits, and 12,000 of what was made;
calibrated on the same pairs.
"""

_TRIED: Final = """## Tried

What was tried where a goal is missed, and what bounds it; nothing in the table is shipped. The first three are of a
verifier that did not match words across slips, with 17.8 % at S1. "Between halves": on halves of the calibration pairs,
of which one gives the threshold and the other tells what it does.

|  | tried | found |
| --- | --- | --- |
| S1 | 96 features of the embeddings beside the others | 17.0 % |
| S1 | 700 trees that learn more slowly, at twice the cost | 16.7 % |
| S1 | subsets of the features | 16.9 % at best |
| S1 | the encoder's cosine (MiniLM, int8) beside the features, trees fitted on 9,000 train pairs | 14.3 % on 7,400 \
test pairs, where the shipped one has 17.2 %; area 0.899, shipped 0.872 |
| S1 | that, a logistic map of its embeddings' products and differences, and the verdict, joined on 2,600 calibration \
pairs | 13.1 % on the same, area 0.903 |
| S3 | every calibration pair counts as one | 5 %: 12.0 % broken at 0.2 % hits, encoder 17.0 % at 0.7 %; 10 %: none \
broken at 4.5 % hits, encoder 21.5 % at 7.0 % |
| S3 | one pair of each component is drawn, the others do not count | 5 %: 0.5 % at 0.0 %, encoder 6.0 % at 0.3 %; \
10 %: none at 1.4 %, encoder none at 3.6 % |
| S3 | a pair counts the root of its share of a component | 5 %: 1.0 % at 0.0 %, encoder 8.0 % at 0.2 %; 10 %: none \
at 2.1 %, encoder 0.5 % at 4.1 % |
| S3 | every pair counts 0.65 | 5 %: 0.5 % at 0.0 %, encoder 10.0 % at 0.3 %; 10 %: none at 3.2 %, encoder 8.0 % \
at 6.3 % |
| S3 | the search begins where 0.6 or 0.7 of the allowed share would pass, not half | 5 %: none broken, encoder 4.0 \
and 0.0 %; 10 %: none at 1.8 and 1.3 % hits, encoder none at 4.4 and 4.6 % |
| S3, 10 % | the encoder's cosine beside the features, as above | 13.7 % of those 7,400 pairs could be served at 10 % \
wrong, were the right threshold known, and 7.3 % by the shipped one |

- S1 is bounded by what the vectors know: the static ones' cosine alone has an area of 0.82, the encoder's 0.87. With
  the static cosine beside the encoder's, 15.5 % of the hits are wrong.
- S3: pairs that share a question are right and wrong together. Where each counts as one, a bound is broken, above all
  by the verifier that finds more; so all pairs of a component count as one together, which S3b shows to be what they
  are worth. It costs hits, since the exact test then has 9,018 counts instead of 12,362.
- S3 at 5 %: were the right threshold known, 1.3 % of the test pairs could be served. Of the likeliest hundredth 5.8 %
  are labelled wrong on the test pairs and 3.2 % on the calibration pairs, which are easier by chance: a threshold is
  found in few draws, and those are the lucky ones.
- S3 at 10 %: were the right threshold known, 8.2 % of the test pairs.
"""

_LIMITS: Final = """## Conditions

- Pairs: one question is cached, the other is asked. In a real scope the nearest of many is asked for, where hard cases
  are the common ones: shares of wrong hits are higher there, which is why each scope's own labels bound them.
- Intervals are 95 %, by the bootstrap over pairs. Labels of the question pairs are wrong in a few per cent.
- All ways to decide but "encoder" use one embedding, the projected static table; S5 is not measured with an encoder.
  "cosine + guards" vetoes on any of nine plain differences. "logistic" reads the same features as the trees. "reached"
  and "missed" are the static verifier's.
- S2 leaves a fifth of the families out of each of five fits, S2b one kind of edits out of each of six; each fit keeps
  the edits that are made by rule, which are of some of these kinds, and of other wordings.
- S3 draws the calibration pairs 200 times. S4 has the shipped bound with a 2 % shadow sample; the other ways serve at
  their own threshold of 20 % hits. The worst of five draws of the stream is told.
- S6 is the CPU time of one thread, without the embedding (the encoder's is 5 ms, which the request's score shares):
  first as served, where only candidates near enough are judged, then with all four nearest. Each decision is timed
  three times, of which the least counts.
"""
