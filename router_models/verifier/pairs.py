"""Pairs of questions with the word on whether one answer does for both, as the data's description has them."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from router_models.data import DataError

QUESTIONS: Final = "qqp_pairs.jsonl.gz"
EDITS: Final = "adversarial_pairs.jsonl.gz"
INTENTS: Final = ("banking77", "clinc150")
OUT_OF_SCOPE: Final = "oos"
"""Not an intent: two utterances that fit none have nothing in common."""
LICENCES: Final = (
    "Quora question pairs as in GPTCache's benchmark (zilliztech/GPTCache), repository MIT",
    "CheckList's suite for question pairs (marcotcr/checklist), MIT",
)

Labels = NDArray[np.int8]
Names = NDArray[np.str_]
Mask = NDArray[np.bool_]
Parts = NDArray[np.intp]
"""Of each pair, the number of its component: of the pairs that share questions, if only by way of others."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """`cached` is what was answered and `asked` what is asked now. `labels`: 1 where the answer does for both.

    `kinds` and `families` say how a pair was made, where somebody made it; both are empty otherwise.
    """

    cached: tuple[str, ...]
    asked: tuple[str, ...]
    labels: Labels
    splits: Names
    kinds: Names
    families: Names

    def __len__(self) -> int:
        return len(self.cached)

    def where(self, mask: Mask) -> "Pairs":
        """Return some of the pairs."""
        at = np.flatnonzero(mask)
        texts = [(self.cached[row], self.asked[row]) for row in at]
        cached, asked = zip(*texts, strict=True) if texts else ((), ())
        return Pairs(cached, asked, self.labels[at], self.splits[at], self.kinds[at], self.families[at])


def pairs_of(rows: Sequence[tuple[str, str, int]], split: str = "", kind: str = "") -> Pairs:
    """Return pairs from (cached, asked, label), all of one split and kind."""
    labels = np.array([label for _, _, label in rows], np.int8)
    splits, kinds = (np.full(len(rows), name, dtype=f"U{max(len(name), 1)}") for name in (split, kind))
    return Pairs(tuple(row[0] for row in rows), tuple(row[1] for row in rows), labels, splits, kinds, kinds)


def read_questions(data: Path) -> Pairs:
    """Read the labelled question pairs. Raises DataError."""
    return _pairs(_rows(data, QUESTIONS))


def read_edits(data: Path) -> Pairs:
    """Read the pairs of which one is an edit of the other. Raises DataError."""
    return _pairs(_rows(data, EDITS))


def read_intents(data: Path, name: str) -> tuple[tuple[str, ...], Names]:
    """Read utterances and their intents, without those that have none. Raises DataError."""
    rows = [row for row in _rows(data, f"{name}.jsonl.gz") if row["intent"] != OUT_OF_SCOPE]
    return tuple(row["text"] for row in rows), np.array([row["intent"] for row in rows])


def components(pairs: Pairs) -> Parts:
    """Return each pair's number of its part of the graph: pairs of different parts share no question."""
    names = {text: at for at, text in enumerate(dict.fromkeys((*pairs.cached, *pairs.asked)))}
    ends = np.array([[names[text] for text in side] for side in (pairs.cached, pairs.asked)], np.intp).reshape(2, -1)
    graph = sparse.csr_matrix((np.ones(len(pairs)), (ends[0], ends[1])), shape=(len(names), len(names)))  # type: ignore[no-untyped-call]
    parts: Parts = connected_components(graph, directed=False)[1].astype(np.intp)
    found: Parts = parts[ends[0]]
    return found


def _pairs(rows: list[dict[str, Any]]) -> Pairs:
    return Pairs(
        cached=tuple(row["a"] for row in rows),
        asked=tuple(row["b"] for row in rows),
        labels=np.array([row["label"] for row in rows], np.int8),
        splits=np.array([row["split"] for row in rows]),
        kinds=np.array([row.get("capability", "") for row in rows]),
        families=np.array([row.get("test", "") for row in rows]),
    )


def _rows(data: Path, name: str) -> list[dict[str, Any]]:
    path = data / "cache" / name
    if not path.is_file():
        raise DataError(f"{path} is not there: --data names the directory that holds cache/")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
