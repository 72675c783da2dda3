"""Build the training tables from local clones of the public sources, one finished part a source."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from router_models.data import OUTCOMES, PRICES, QUERIES, DataError
from router_models.sources.clones import Told
from router_models.sources.prices import PRICES as PRICE_LIST
from router_models.sources.registry import SOURCES, Source
from router_models.sources.tables import Tables, group_of, split_of

PARTS: Final = "parts"
PART_FORMAT: Final = 1
"""Raise it when reading or grading changes: parts of an older format are made anew."""
COLUMNS: Final = ("query_id", "model", "score", "output_chars")
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """What one source gave: rows, whether an earlier run had already read it, and what was left out, in words."""

    source: str
    queries: int
    outcomes: int
    was_kept: bool
    notes: tuple[str, ...]


def build(
    clones: Path, to: Path, told: Told, *, fresh: bool = False, sources: Sequence[Source] = SOURCES
) -> list[Part]:
    """Write the tables below `to`/routing and return what each source gave. Raises DataError.

    All clones are looked for before the first is read. A source whose files have not changed since an earlier run is
    not read again, unless `fresh`.
    """
    room = to / "routing"
    found = _find(clones, sources)
    (room / PARTS).mkdir(parents=True, exist_ok=True)
    parts = [_part(source, clone, room / PARTS, told, fresh=fresh) for source, clone in found]
    for name, head in ((QUERIES, ""), (OUTCOMES, _csv([COLUMNS]))):
        # Members of a gzip file may simply follow one another.
        pieces = [_zipped(head), *((room / PARTS / f"{part.source}.{name}").read_bytes() for part in parts)]
        _replace(room / name, b"".join(pieces))
    _replace(room / PRICES, _prices().encode())
    return parts


def _find(clones: Path, sources: Sequence[Source]) -> list[tuple[Source, Path]]:
    found: list[tuple[Source, Path]] = []
    absent: list[str] = []
    for source in sources:
        try:
            clone = source.repository.clone_in(clones)
            source.inputs(clone)
            found.append((source, clone))
        except DataError as error:
            absent.append(str(error))
    if absent:
        raise DataError("\n".join(absent))
    return found


def _part(source: Source, clone: Path, room: Path, told: Told, *, fresh: bool) -> Part:
    stamp = room / f"{source.name}.json"
    print_of_inputs = _fingerprint(source, clone)
    if not fresh and stamp.is_file():
        kept = json.loads(stamp.read_text("utf-8"))
        if kept["inputs"] == print_of_inputs:
            return Part(source.name, kept["queries"], kept["outcomes"], True, tuple(kept["notes"]))
    tables = source.read(clone, lambda what, done, total: told(f"{source.name}: {what}", done, total))
    _replace(room / f"{source.name}.{QUERIES}", _zipped(_query_lines(source.name, tables)))
    _replace(room / f"{source.name}.{OUTCOMES}", _zipped(_outcome_lines(tables)))
    part = Part(source.name, len(tables.queries), len(tables.outcomes), False, tuple(tables.notes))
    row = {"inputs": print_of_inputs, "queries": part.queries, "outcomes": part.outcomes, "notes": tables.notes}
    _replace(stamp, json.dumps(row).encode())
    return part


def _fingerprint(source: Source, clone: Path) -> str:
    """Return a hash of the names, sizes and times of the files read: enough to tell another checkout."""
    listed = [
        (str(path.relative_to(clone)), path.stat().st_size, path.stat().st_mtime_ns) for path in source.inputs(clone)
    ]
    return hashlib.sha256(json.dumps([PART_FORMAT, listed]).encode()).hexdigest()


def _query_lines(source: str, tables: Tables) -> str:
    lines: list[str] = []
    for query in tables.queries:
        group = group_of(query.prompt)
        row: dict[str, object] = {
            "query_id": query.id,
            "source": source,
            "dataset": query.dataset,
            "category": query.category,
            "split": split_of(group),
            "group": group,
            "contaminated": query.contaminated,
            "prompt": query.prompt,
        }
        if query.second_turn is not None:
            row["turn2"] = query.second_turn
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    return "".join(lines)


def _outcome_lines(tables: Tables) -> str:
    return _csv(
        (row.query_id, row.model, round(row.score, 4), "" if row.output_chars is None else row.output_chars)
        for row in tables.outcomes
    )


def _prices() -> str:
    head = ("model", "source", "usd_per_m_input", "usd_per_m_output", "basis")
    return _csv([head, *((price.model, price.source, price.input, price.output, price.basis) for price in PRICE_LIST)])


def _csv(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _zipped(text: str) -> bytes:
    return gzip.compress(text.encode("utf-8", "surrogatepass"), mtime=0)


def _replace(path: Path, raw: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(raw)
    beside.replace(path)
