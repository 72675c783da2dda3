"""ZeroEval's raw outputs on GSM8K, MATH level 5 and CruxEval (WildEval/ZeroEval, Apache-2.0), graded anew."""

from pathlib import Path
from typing import Final

from router_models.sources.clones import Repository, Row, Told, json_rows
from router_models.sources.grading import last_answer, same_literal, same_number
from router_models.sources.tables import SourceOutcome, SourceQuery, Tables

REPOSITORY: Final = Repository("WildEval", "ZeroEval", "8c1485e")
PLACE: Final = "result_dirs"
QUESTIONS: Final = {"gsm": 1_319, "math-l5": 721, "crux": 800}
LEAST_SHARE: Final = 0.9
"""A run that broke off earlier is left out: its first questions are no sample of the set."""
NOT_TRAINED_ON: Final = frozenset(
    {"gsm/Llama-3-Instruct-8B-SimPO-v0.2", "gsm/Phi-3-mini-4k-instruct", "gsm/Qwen2-1.5B-Instruct"}
)
"""The shipped model was trained without these files of the repository; without them here too, it can be reproduced."""


def inputs(clone: Path) -> list[Path]:
    """Return the files that are read. Raises DataError when a set has none."""
    paths = [path for name in QUESTIONS for path in REPOSITORY.files_in(clone, f"{PLACE}/{name}/*.json")]
    return [path for path in paths if f"{path.parent.name}/{path.stem}" not in NOT_TRAINED_ON]


def read(clone: Path, told: Told) -> Tables:
    """Read queries and outcomes: right where the last answer of an output is the key (a number, or a literal)."""
    tables, seen = Tables(), set[str]()
    paths = inputs(clone)
    for done, path in enumerate(paths, 1):
        dataset = path.parent.name
        rows = list(json_rows(path))
        told(f"{dataset} {path.stem}", done, len(paths))
        if len(rows) < LEAST_SHARE * QUESTIONS[dataset]:
            tables.notes.append(f"{dataset} {path.stem} was left out: {len(rows)} of {QUESTIONS[dataset]} questions")
            continue
        for row in rows:
            query_id = f"zeroeval-{dataset}-{_number_of(row)}"
            if query_id not in seen:
                seen.add(query_id)
                tables.queries.append(SourceQuery(query_id, dataset, None, row.text("question", "problem")))
            tables.outcomes.append(_graded(query_id, path.stem, dataset, row))
    return tables


def _number_of(row: Row) -> str:
    """Return the number of a question: the id itself, or what follows its `#`."""
    number = str(row.fields.get("id", "")).rpartition("#")[2]
    if not number.isdigit():
        raise row.broken(f"'id' ends in no number: {number!r}")
    return number


def _graded(query_id: str, model: str, dataset: str, row: Row) -> SourceOutcome:
    outputs = row.texts("output")
    output = outputs[0] if outputs else ""
    key, answer = row.text("answer"), last_answer(output)
    is_right = same_literal(answer, key) if dataset == "crux" else same_number(answer, key.replace("#", ""))
    return SourceOutcome(query_id, model, float(is_right), len(output))
