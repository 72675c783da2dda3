"""Read the routing outcomes: which reference model answered which query how well, and at what length."""

import csv
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

CHARS_PER_TOKEN: Final = 4
"""The estimate that the data set's own description uses for prompts and answers."""

TASKS: Final[Mapping[str, frozenset[str]]] = {
    "knowledge": frozenset({"mmlu", "mmlu_pro"}),
    "maths": frozenset({"gsm8k", "gsm", "agentverse-mgsm", "math", "math-l5"}),
    "code": frozenset({"mbpp", "human_eval", "crux"}),
    "science": frozenset({"gpqa", "arc_challenge", "openbook_qa"}),
    "everyday": frozenset({"commonsense_qa", "commongen"}),
    "trivia": frozenset({"natural_qa", "trivia_qa"}),
    "logic": frozenset({"agentverse-logicgrid"}),
    "chat": frozenset({"mt_bench"}),
}
"""Kinds of task, by data set. A data set of none of these stands for itself."""

QUERIES: Final = "queries.jsonl.gz"
OUTCOMES: Final = "outcomes.csv.gz"
PRICES: Final = "prices.csv"
LICENCES: Final[Mapping[str, str]] = {
    "routellm": "RouteLLM (lm-sys/RouteLLM, routellm/evals), Apache-2.0",
    "mmlu_pro": "MMLU-Pro (TIGER-AI-Lab/MMLU-Pro, eval_results), Apache-2.0; questions MIT",
    "zeroeval": "ZeroEval (WildEval/ZeroEval, result_dirs), Apache-2.0",
    "llmrouter": "LLMRouter (ulab-uiuc/LLMRouter, data/dcrouter_preprocessed), MIT",
}


class DataError(Exception):
    """The training data cannot be used; the message says which file, and what to do."""


@dataclass(frozen=True, slots=True)
class Query:
    """One prompt. Queries of one `group` ask the same question and never straddle two splits or folds."""

    id: str
    source: str
    dataset: str
    split: str
    group: str
    contaminated: bool
    prompt: str
    category: str = ""
    """The subject within the data set, where the source names one."""

    @property
    def task(self) -> str:
        """Return the kind of task."""
        return task_of(self.dataset)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """All outcomes as queries x references. `score` (0..1) means something only where `seen`.

    `output_tokens` is NaN where the length of the answer is not known. `digest` is the SHA-256 over the files read.
    """

    queries: tuple[Query, ...]
    references: tuple[str, ...]
    score: Floats
    seen: Mask
    output_tokens: Floats
    digest: str

    def where(self, **wanted: object) -> Mask:
        """Return the queries whose attributes have these values, as `where(split="train", dataset="mmlu")`."""
        return np.array([all(getattr(q, name) == value for name, value in wanted.items()) for q in self.queries], bool)

    def column(self, reference: str) -> int:
        """Return the position of a reference model."""
        return self.references.index(reference)


def task_of(dataset: str) -> str:
    """Return the kind of task that a data set belongs to."""
    return next((task for task, members in TASKS.items() if dataset in members), dataset)


def default_data_directory() -> Path:
    """Return where the data lie beside a checkout of the repository."""
    return Path(__file__).resolve().parents[2] / "shared" / "data"


def read_references() -> dict[str, list[str]]:
    """Read the table of reference models and their other names."""
    table: dict[str, list[str]] = json.loads(Path(__file__).with_name("references.json").read_text("utf-8"))
    return table


def read_prices(directory: Path) -> dict[str, tuple[float, float]]:
    """Read the USD per million input and output tokens of those references that have a price."""
    canonical = canonical_names()
    with _existing(directory / "routing" / PRICES).open(newline="", encoding="utf-8") as file:
        return {
            canonical[plain_name(row["model"])]: (float(row["usd_per_m_input"]), float(row["usd_per_m_output"]))
            for row in csv.DictReader(file)
        }


def read_outcomes(directory: Path) -> Outcomes:
    """Read queries and outcomes below a data directory, several names of a model joined. Raises DataError."""
    room = directory / "routing"
    digest = hashlib.sha256()
    for name in (QUERIES, OUTCOMES):
        digest.update(_existing(room / name).read_bytes())
    queries = tuple(_read_queries(room / QUERIES))
    row_of = {query.id: row for row, query in enumerate(queries)}
    canonical = canonical_names()
    references = tuple(read_references())
    column_of = {name: column for column, name in enumerate(references)}
    shape = (len(queries), len(references))
    total, count = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    chars, known = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    with gzip.open(room / OUTCOMES, "rt", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            plain = plain_name(row["model"])
            if plain not in canonical:
                raise DataError(f"{room / OUTCOMES}: no reference is called {plain!r}; add it to references.json")
            at = row_of[row["query_id"]], column_of[canonical[plain]]
            total[at] += float(row["score"])
            count[at] += 1
            if row["output_chars"]:
                chars[at] += float(row["output_chars"])
                known[at] += 1
    tokens = np.where(known > 0, chars / np.maximum(known, 1) / CHARS_PER_TOKEN, np.nan).astype(np.float32)
    score: Floats = (total / np.maximum(count, 1)).astype(np.float32)
    return Outcomes(queries, references, score, count > 0, tokens, digest.hexdigest())


def _read_queries(path: Path) -> Iterator[Query]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            yield Query(
                id=row["query_id"],
                source=row["source"],
                dataset=row["dataset"],
                split=row["split"],
                group=row["group"],
                contaminated=row["contaminated"],
                prompt=row["prompt"],
                category=row["category"] or "",
            )


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DataError(f"{path} is not there. Name the directory that holds routing/{path.name} with --data")
    return path


def plain_name(name: str) -> str:
    """Return a model's name in lower case and without its owner."""
    return name.lower().rpartition("/")[2]


def canonical_names() -> dict[str, str]:
    """Return the reference that each known name of a model stands for."""
    table = read_references()
    return {name: reference for reference, others in table.items() for name in (reference, *others)}
