"""Compare two builds of the training tables, row by row, source by source."""

import csv
import gzip
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from router_models.data import OUTCOMES, QUERIES, DataError

SAME_SCORE: Final = 5e-5
"""Scores are written with four decimals."""

_Query = dict[str, object]
_Outcome = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two builds agree on one data set: rows of each, rows in both, and how many of those are equal."""

    source: str
    dataset: str
    queries: tuple[int, int, int]
    same_prompt: int
    same_group: int
    same_split: int
    outcomes: tuple[int, int, int]
    same_score: int
    same_length: int


def compare(left: Path, right: Path) -> list[Agreement]:
    """Compare the tables below two data directories. Rows are matched by query id and model. Raises DataError."""
    queries = _queries(left), _queries(right)
    outcomes = _outcomes(left), _outcomes(right)
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    owner = {
        name: (str(row["source"]), str(row["dataset"])) for rows in reversed(queries) for name, row in rows.items()
    }
    for side, rows in zip(("left", "right"), queries, strict=True):
        for name in rows:
            counts[owner[name]][f"queries {side}"] += 1
    for name in queries[0].keys() & queries[1].keys():
        pair = queries[0][name], queries[1][name]
        counts[owner[name]]["queries"] += 1
        for column in ("prompt", "group", "split"):
            counts[owner[name]][column] += pair[0][column] == pair[1][column]
    for side, scored in zip(("left", "right"), outcomes, strict=True):
        for name, _ in scored:
            counts[owner[name]][f"outcomes {side}"] += 1
    for key in outcomes[0].keys() & outcomes[1].keys():
        (one, chars), (other, other_chars) = outcomes[0][key], outcomes[1][key]
        here = counts[owner[key[0]]]
        here["outcomes"] += 1
        here["score"] += abs(one - other) < SAME_SCORE
        here["length"] += chars == other_chars
    return [_agreement(place, found) for place, found in counts.items()]


def _agreement(place: tuple[str, str], found: Counter[str]) -> Agreement:
    def three(what: str) -> tuple[int, int, int]:
        return found[f"{what} left"], found[f"{what} right"], found[what]

    columns = (found["prompt"], found["group"], found["split"])
    return Agreement(*place, three("queries"), *columns, three("outcomes"), found["score"], found["length"])


def _queries(directory: Path) -> dict[str, _Query]:
    with gzip.open(_file(directory, QUERIES), "rt", encoding="utf-8") as file:
        return {row["query_id"]: row for row in map(json.loads, file)}


def _outcomes(directory: Path) -> dict[tuple[str, str], _Outcome]:
    with gzip.open(_file(directory, OUTCOMES), "rt", newline="", encoding="utf-8") as file:
        return {
            (row["query_id"], row["model"]): (float(row["score"]), row["output_chars"]) for row in csv.DictReader(file)
        }


def _file(directory: Path, name: str) -> Path:
    path = directory / "routing" / name
    if not path.is_file():
        raise DataError(f"{path} is not there. Name a directory that `data build` wrote, or that holds routing/")
    return path
