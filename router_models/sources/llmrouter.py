"""LLMRouter's preprocessed outcomes: nine open models on fourteen tasks (ulab-uiuc/LLMRouter, MIT)."""

from pathlib import Path
from typing import Final

from router_models.sources.clones import Repository, Told, json_lines, json_rows
from router_models.sources.tables import SourceOutcome, SourceQuery, Tables

REPOSITORY: Final = Repository("ulab-uiuc", "LLMRouter", "4e7a796")
SCORES: Final = "data/dcrouter_preprocessed"
TASKS: Final = "data/example_data/query_data"
HALVES: Final = ("train", "test")
"""The repository's own halves. They only name the queries here: the split of this data set is its own."""


def inputs(clone: Path) -> list[Path]:
    """Return the files that are read. Raises DataError when one is not there."""
    patterns = [f"{SCORES}/{half}.json" for half in HALVES]
    patterns += [f"{TASKS}/default_query_{half}.jsonl" for half in HALVES]
    return [path for pattern in patterns for path in REPOSITORY.files_in(clone, pattern)]


def read(clone: Path, told: Told) -> Tables:
    """Read queries and outcomes: the task's metric as published. The task is told by the question's text."""
    tables, files = Tables(), inputs(clone)
    task_of: dict[str, str] = {}
    for done, path in enumerate(files[2:], 1):
        task_of |= {row.text("query"): row.text("task_name") for row in json_lines(path)}
        told(path.name, done, len(files))
    for done, (half, path) in enumerate(zip(HALVES, files, strict=False), 3):
        for at, row in enumerate(json_rows(path)):
            query_id, prompt = f"llmrouter-{half}-{at}", row.text("question")
            if prompt not in task_of:
                raise row.broken(f"no task in {TASKS} has this question")
            task = task_of[prompt]
            tables.queries.append(SourceQuery(query_id, task, task, prompt))
            scores = row.numbers("scores").items()
            tables.outcomes.extend(SourceOutcome(query_id, model, score) for model, score in scores)
        told(path.name, done, len(files))
    return tables
