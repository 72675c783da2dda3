"""Read a user's own labelled outcomes, one row per (query, model), as the outcomes that a model is trained on."""

import csv
import gzip
import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
from pyarrow import parquet
from pyarrow.lib import ArrowException

from router_models.data import DataError, Outcomes, Query, canonical_names, plain_name
from router_models.own_rows import SPLITS, OwnRow, Problem, columns_missing, read_row
from router_models.sources.tables import split_of

SUFFIXES: Final = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
SHOWN_PROBLEMS: Final = 20
FEW_QUERIES: Final = 200
"""Below that, a model's ability is known to about 0.15 on the logit scale at best (1 / sqrt(200 / 4)): 4 points of
quality in the middle of the scale."""
FEW_TEST_QUERIES: Final = 100

Note = Callable[[str], None]
Cells = Mapping[str, object]


def is_own_data(path: Path) -> bool:
    """Tell whether a path names a file of own outcomes, rather than a directory that holds routing/."""
    return path.name.lower().endswith(SUFFIXES) and not path.is_dir()


def read_own(path: Path, note: Note) -> Outcomes:
    """Read own outcomes; `note` is told in plain words where the data are thin. Raises DataError.

    Names of one model that references.json joins are joined; other models become references of their own. Several
    scores of a query and model are averaged. Without splits, groups are dealt 70/10/20.
    """
    if not path.is_file():
        raise DataError(f"{path} is not there. Name a file ({', '.join(SUFFIXES)}) or a directory with --data")
    columns, cells = _table(path)
    if missing := columns_missing(columns):
        raise DataError(f"{path}: {'; '.join(missing)}. The columns are described in router_models/README.md")
    rows, problems = _rows(cells)
    problems += _contradictions(rows)
    if problems:
        raise DataError(_told(path, problems))
    outcomes = _outcomes(rows, hashlib.sha256(path.read_bytes()).hexdigest())
    empty = [split for split in SPLITS if not outcomes.where(split=split).any()]
    if empty:
        what = f"{len(outcomes.queries)} queries, and none in the split {' or '.join(empty)}, which every step needs"
        raise DataError(f"{path} holds {what}. Add queries ({FEW_QUERIES} or more), or a column 'split'")
    for warning in thin_places(outcomes):
        note(warning)
    return outcomes


def thin_places(outcomes: Outcomes) -> list[str]:
    """Return, in plain words, where there are too few outcomes to rely on what will be learned."""
    told: list[str] = []
    if len(outcomes.references) < 2:
        told.append("There is only one model, so nothing to choose: add outcomes of another on the same queries.")
    training, test = outcomes.where(split="train"), outcomes.where(split="test")
    for name, trained, tested in zip(
        outcomes.references, outcomes.seen[training].sum(axis=0), outcomes.seen[test].sum(axis=0), strict=True
    ):
        if trained < FEW_QUERIES:
            told.append(f"{name}: {trained} queries to learn from; below {FEW_QUERIES} its ability is a rough guess.")
        if tested < FEW_TEST_QUERIES:
            told.append(f"{name}: {tested} queries to test on; below {FEW_TEST_QUERIES} expect wide intervals.")
    together = int(outcomes.seen.all(axis=1).sum())
    if len(outcomes.references) > 1 and together < FEW_QUERIES:
        told.append(f"All models answered only {together} queries in common; comparisons rest on those.")
    return told


def _table(path: Path) -> tuple[list[str], Iterable[Cells]]:
    name = path.name.lower()
    try:
        if name.endswith(".parquet"):
            table = parquet.read_table(path)  # type: ignore[no-untyped-call]
            return list(table.column_names), table.to_pylist()
        raw = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
        text = raw.decode("utf-8-sig")
    except (ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as {path.suffix}: {error}") from error
    if ".csv" in path.suffixes:
        reader = csv.DictReader(io.StringIO(text, newline=""))
        return list(reader.fieldnames or ()), reader
    rows = [_object(path, number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return list(dict.fromkeys(name for row in rows for name in row)), rows


def _object(path: Path, number: int, line: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{path}:{number}: no JSON ({error}); write one object a line") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}:{number}: an object was expected, as {{'prompt': ..., 'model': ..., 'score': ...}}")
    return row


def _rows(cells: Iterable[Cells]) -> tuple[list[OwnRow], list[Problem]]:
    rows: list[OwnRow] = []
    problems: list[Problem] = []
    for number, each in enumerate(cells, 1):
        found = read_row(number, each)
        if isinstance(found, OwnRow):
            rows.append(found)
        else:
            problems += found
    return rows, problems


def _contradictions(rows: list[OwnRow]) -> list[Problem]:
    """Return what no row shows alone: one query with two prompts, one group on two sides, splits given in part."""
    problems: list[Problem] = []
    given = any(row.split for row in rows)
    first: dict[str, OwnRow] = {}
    side: dict[str, OwnRow] = {}
    for row in rows:
        same_query, same_group = first.setdefault(row.query_id, row), side.setdefault(row.group, row)
        if row.prompt != same_query.prompt:
            what = f"{row.query_id!r} has another prompt in row {same_query.number}; give each prompt its own id"
            problems.append(Problem(row.number, "query_id", what))
        elif row.group != same_query.group:
            what = f"query {row.query_id!r} is in group {same_query.group!r} in row {same_query.number}; give it one"
            problems.append(Problem(row.number, "group", what))
        if given and not row.split:
            problems.append(Problem(row.number, "split", "is empty; fill it in every row, or leave the column out"))
        elif row.split != same_group.split and same_group.split:
            what = f"{row.split!r}, but its group is {same_group.split!r} in row {same_group.number}; choose one"
            problems.append(Problem(row.number, "split", what))
    return problems


def _told(path: Path, problems: list[Problem]) -> str:
    problems = sorted(problems, key=lambda problem: problem.row)
    lines = [f"{path}: {len(problems)} cells cannot be used:" if len(problems) > 1 else f"{path}:"]
    lines += [f"  {problem}" for problem in problems[:SHOWN_PROBLEMS]]
    if len(problems) > SHOWN_PROBLEMS:
        by_column = Counter(problem.column for problem in problems[SHOWN_PROBLEMS:])
        lines.append(f"  and {', '.join(f'{count} more in {name}' for name, count in by_column.most_common())}")
    return "\n".join(lines)


def _outcomes(rows: list[OwnRow], digest: str) -> Outcomes:
    canonical = canonical_names()
    names = {row.model: canonical.get(plain_name(row.model), plain_name(row.model)) for row in rows}
    references = tuple(sorted(set(names.values())))
    column_of = {name: column for column, name in enumerate(references)}
    queries = {row.query_id: row for row in reversed(rows)}
    ordered = [queries[name] for name in dict.fromkeys(row.query_id for row in rows)]
    row_of = {row.query_id: at for at, row in enumerate(ordered)}
    scores, lengths = defaultdict[tuple[int, int], list[float]](list), defaultdict[tuple[int, int], list[float]](list)
    for row in rows:
        at = row_of[row.query_id], column_of[names[row.model]]
        scores[at].append(row.score)
        if row.output_tokens is not None:
            lengths[at].append(row.output_tokens)
    shape = (len(ordered), len(references))
    score, seen = np.zeros(shape, np.float32), np.zeros(shape, bool)
    tokens = np.full(shape, np.nan, np.float32)
    for at, values in scores.items():
        score[at], seen[at] = sum(values) / len(values), True
    for at, values in lengths.items():
        tokens[at] = sum(values) / len(values)
    return Outcomes(tuple(_query(row) for row in ordered), references, score, seen, tokens, digest)


def _query(row: OwnRow) -> Query:
    split = row.split or split_of(row.group)
    return Query(row.query_id, "own", row.dataset, split, row.group, False, row.prompt)
