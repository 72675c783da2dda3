"""The schema of a user's own labelled outcomes, and what is wrong with a row that does not keep it."""

import difflib
import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from router_models.sources.tables import GROUP_DIGITS

REQUIRED: Final = ("prompt", "model", "score")
OPTIONAL: Final = ("query_id", "group", "split", "dataset", "input_tokens", "output_tokens")
SPLITS: Final = ("train", "valid", "test")
PERCENT: Final = 100
_OTHER_SPLITS: Final = {"training": "train", "validation": "valid", "val": "valid", "dev": "valid", "testing": "test"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one cell, and how to mend it. Rows count from 1, the header not counted."""

    row: int
    column: str
    what: str

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column}: {self.what}"


@dataclass(frozen=True, slots=True)
class OwnRow:
    """One labelled outcome. `split` is empty where the file leaves it to us."""

    number: int
    query_id: str
    prompt: str
    model: str
    score: float
    group: str
    split: str
    dataset: str
    output_tokens: float | None


def columns_missing(columns: Iterable[str]) -> list[str]:
    """Return what to say of the columns that must be there and are not, with the column that may be meant."""
    present = list(columns)
    told: list[str] = []
    for wanted in (name for name in REQUIRED if name not in present):
        spare = [name for name in present if name not in REQUIRED + OPTIONAL]
        close = difflib.get_close_matches(wanted, spare, n=1, cutoff=0.5)
        hint = f"; is it {close[0]!r}? Then rename it" if close else f"; there are: {', '.join(present) or 'none'}"
        told.append(f"there is no column {wanted!r}{hint}")
    return told


def read_row(number: int, cells: Mapping[str, object]) -> OwnRow | list[Problem]:
    """Return the row, or everything that is wrong with it."""
    problems: list[Problem] = []

    def wrong(column: str, what: str) -> None:
        problems.append(Problem(number, column, what))

    texts = {name: _text(cells.get(name)) for name in ("prompt", "model", "query_id", "group", "split", "dataset")}
    for name in ("prompt", "model"):
        if not texts[name].strip():
            wrong(name, f"is empty; every row needs the {name}")
    score = _number(cells.get("score"))
    if complaint := _score_complaint(score, cells.get("score")):
        wrong("score", complaint)
    for name in ("input_tokens", "output_tokens"):
        tokens = _number(cells.get(name))
        if not _is_empty(cells.get(name)) and (tokens is None or not math.isfinite(tokens) or tokens < 0):
            wrong(name, f"{_shown(cells[name])} is no count of tokens; write a number from 0, or leave the cell empty")
    if texts["split"] and texts["split"] not in SPLITS:
        known = _OTHER_SPLITS.get(texts["split"].lower())
        hint = f"write {known!r}" if known else "write train, valid or test, or leave the whole column out"
        wrong("split", f"{_shown(texts['split'])} is no split; {hint}")
    if problems or score is None:
        return problems
    return OwnRow(
        number=number,
        query_id=texts["query_id"] or hash_of(texts["prompt"]),
        prompt=texts["prompt"],
        model=texts["model"].strip(),
        score=score,
        group=texts["group"] or hash_of(" ".join(texts["prompt"].lower().split())),
        split=texts["split"],
        dataset=texts["dataset"] or "own",
        output_tokens=_number(cells.get("output_tokens")),
    )


def hash_of(text: str) -> str:
    """Return a short hash that stands for a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:GROUP_DIGITS]


def _score_complaint(score: float | None, cell: object) -> str:
    if _is_empty(cell):
        return "is empty; write how good the answer was, from 0 to 1, or leave the row out"
    if score is None or math.isnan(score):
        return f"{_shown(cell)} is no number; write how good the answer was, from 0 to 1"
    if 0 <= score <= 1:
        return ""
    hint = "divide the column by 100" if 1 < score <= PERCENT else "scale the column to 0..1"
    return f"{_shown(cell)} is not from 0 to 1; {hint}"


def _text(cell: object) -> str:
    return "" if _is_empty(cell) else str(cell)


def _number(cell: object) -> float | None:
    if isinstance(cell, str):
        cell = {"true": 1.0, "false": 0.0}.get(cell.strip().lower(), cell)
    if not isinstance(cell, str | int | float) or _is_empty(cell):
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _is_empty(cell: object) -> bool:
    """Tell whether nothing is there; Parquet files written from data frames have NaN for it."""
    return cell is None or (isinstance(cell, str) and not cell.strip()) or (isinstance(cell, float) and cell != cell)


def _shown(cell: object) -> str:
    shown = repr(cell)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
