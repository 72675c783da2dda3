"""RouteLLM's evaluation outcomes: MMLU, GSM8K and MT-Bench, two models each (lm-sys/RouteLLM, Apache-2.0)."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from router_models.sources.clones import Repository, Row, Told, csv_rows, json_lines
from router_models.sources.tables import SourceOutcome, SourceQuery, Tables

REPOSITORY: Final = Repository("lm-sys", "RouteLLM", "0b64fda")
MODELS: Final = ("mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview")
PLACE: Final = "routellm/evals"
BEST_MARK: Final = 10
"""MT-Bench's judge gives 1 to 10 for each of two turns."""


def inputs(clone: Path) -> list[Path]:
    """Return the files that are read. Raises DataError when one is not there."""
    patterns = [f"{PLACE}/mmlu/responses/mmlu_*.csv", f"{PLACE}/gsm8k/gsm8k_responses.csv"]
    patterns += [f"{PLACE}/{bench}/contaminated_prompts.jsonl" for bench in ("mmlu", "gsm8k", "mt_bench")]
    patterns += [f"{PLACE}/mt_bench/{name}.jsonl" for name in ("question", "judgements")]
    return [path for pattern in patterns for path in REPOSITORY.files_in(clone, pattern)]


def read(clone: Path, told: Told) -> Tables:
    """Read queries and outcomes."""
    tables, files = Tables(), inputs(clone)
    answers = [path for path in files if path.suffix == ".csv"]
    for done, path in enumerate(answers, 1):
        _read_answers(clone, path, tables)
        told(path.name, done, len(files))
    _read_mt_bench(clone, tables)
    told("mt_bench", len(files), len(files))
    return tables


def _read_answers(clone: Path, path: Path, tables: Tables) -> None:
    is_mmlu = path.parent.name == "responses"
    bench = "mmlu" if is_mmlu else "gsm8k"
    category = path.stem.removeprefix("mmlu_") if is_mmlu else "test"
    stem = f"routellm-mmlu-{category}" if is_mmlu else "routellm-gsm8k"
    contaminated = _contaminated(clone, bench)
    for at, row in enumerate(csv_rows(path)):
        query_id, prompt = f"{stem}-{at}", row.text("prompt")
        tables.queries.append(SourceQuery(query_id, bench, category, prompt, prompt in contaminated))
        for model in MODELS:
            answer = row.fields.get(f"{model}_response")
            chars = len(answer) if isinstance(answer, str) else None
            tables.outcomes.append(SourceOutcome(query_id, model, _is_true(row, model), chars))


def _is_true(row: Row, model: str) -> float:
    verdict = row.text(model)
    if verdict not in {"True", "False"}:
        raise row.broken(f"{model!r} is {verdict!r}, neither True nor False")
    return float(verdict == "True")


def _read_mt_bench(clone: Path, tables: Tables) -> None:
    marks: dict[tuple[int, str], list[float]] = defaultdict(list)
    for row in json_lines(clone / PLACE / "mt_bench" / "judgements.jsonl"):
        marks[int(row.number("question_id")), row.text("model")].append(row.number("score"))
    contaminated = _contaminated(clone, "mt_bench")
    for row in json_lines(clone / PLACE / "mt_bench" / "question.jsonl"):
        number, turns = int(row.number("question_id")), row.texts("turns")
        query_id = f"routellm-mtbench-{number}"
        is_known = not contaminated.isdisjoint(turns)
        second = turns[1] if len(turns) > 1 else None
        tables.queries.append(SourceQuery(query_id, "mt_bench", row.text("category"), turns[0], is_known, second))
        tables.outcomes.extend(_judged(query_id, number, marks))


def _judged(query_id: str, number: int, marks: dict[tuple[int, str], list[float]]) -> Iterator[SourceOutcome]:
    for model in MODELS:
        given = marks.get((number, model), [])
        if given:
            yield SourceOutcome(query_id, model, sum(given) / len(given) / BEST_MARK)


def _contaminated(clone: Path, bench: str) -> set[str]:
    return {row.text("eval_prompt") for row in json_lines(clone / PLACE / bench / "contaminated_prompts.jsonl")}
