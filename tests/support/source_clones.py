"""Tiny clones of the public sources: made-up questions, in the files and fields that the real ones have."""

import csv
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from router_models.sources.mmlu_pro import MODELS

WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
LAMPS = "How many lamps?\nA. 1\nB. 2\nAnswer:"


def write_clones(directory: Path) -> None:
    """Write a clone of each source below a directory."""
    write_routellm(directory / "RouteLLM")
    write_mmlu_pro(directory / "MMLU-Pro")
    write_zeroeval(directory / "ZeroEval", {"gsm": 1_319, "math-l5": 721, "crux": 800})
    write_llmrouter(directory / "LLMRouter")


def write_routellm(clone: Path) -> None:
    """Write two MMLU subjects, one GSM8K row, and one MT-Bench question judged in two turns."""
    evals = clone / "routellm" / "evals"
    for subject in ("lamps", "tides"):
        rows = [["prompt", WEAK, STRONG], [LAMPS if subject == "lamps" else "When is the tide?", "False", "True"]]
        write_csv(evals / "mmlu" / "responses" / f"mmlu_{subject}.csv", rows)
    head = ["prompt", WEAK, STRONG, f"{WEAK}_response", f"{STRONG}_response"]
    write_csv(evals / "gsm8k" / "gsm8k_responses.csv", [head, ["Two and two?", "True", "False", "It is\nfour", "five"]])
    for bench, known in (("mmlu", "When is the tide?"), ("gsm8k", "Three?"), ("mt_bench", "Now in rhyme.")):
        write_lines(evals / bench / "contaminated_prompts.jsonl", [{"eval_prompt": known}])
    question = {"question_id": 81, "category": "writing", "turns": ["Praise tea.", "Now in rhyme."]}
    write_lines(evals / "mt_bench" / "question.jsonl", [question])
    marks = [
        {"question_id": 81, "model": STRONG, "score": 9.0, "turn": 1},
        {"question_id": 81, "model": STRONG, "score": 8.0, "turn": 2},
        {"question_id": 81, "model": "somebody-else", "score": 1.0, "turn": 1},
    ]
    write_lines(evals / "mt_bench" / "judgements.jsonl", marks)


def write_mmlu_pro(clone: Path) -> None:
    """Write one archive a model: the first asks in other words than the rest, and has an entry that is no object."""
    for at, model in enumerate(MODELS):
        lamps = "How many lamps?" if at else "How many lamps in all?"
        row = {"question_id": 7, "question": lamps, "options": ["1", "2"], "answer": "B", "category": "engineering"}
        other = row | {"question_id": 8, "question": "How many tides?"}
        rows = [row | {"pred": "B", "model_outputs": "So: (B)"}, other | {"pred": None, "generated_text": "Hm"}]
        write_zip(clone / "eval_results" / f"model_outputs_{model}_5shots.zip", [*rows, "total"] if at == 0 else rows)


def write_zeroeval(clone: Path, questions: dict[str, int]) -> None:
    """Write one complete run a set, whose even questions are right, and one that broke off after a question."""
    for dataset, count in questions.items():
        rows = [zeroeval_row(dataset, at) for at in range(count)]
        for name, run in (("able-7b", rows), ("broken-off-7b", rows[:1])):
            path = clone / "result_dirs" / dataset / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(run), "utf-8")


def zeroeval_row(dataset: str, at: int) -> dict[str, object]:
    """Return one graded question as that set has it."""
    said = json.dumps({"reasoning": "think", "answer": str(at if at % 2 == 0 else at + 1)})
    row: dict[str, object] = {"output": [said], "answer": f"# {at}" if dataset == "gsm" else str(at)}
    if dataset == "math-l5":
        return row | {"id": at, "problem": f"What is {at}?"}
    return row | {"id": f"{dataset}-test-#{at}", "question": f"What is {at} of {dataset}?"}


def write_llmrouter(clone: Path) -> None:
    """Write one question of two tasks in each half."""
    scores = {"small-7b": 0.0, "big-70b": 0.8182}
    for half in ("train", "test"):
        asked = [f"{half} who sings?", f"{half} write f(x)"]
        path = clone / "data" / "dcrouter_preprocessed" / f"{half}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([{"question": question, "scores": scores} for question in asked]), "utf-8")
        tasks = [{"task_name": name, "query": text} for name, text in zip(("natural_qa", "mbpp"), asked, strict=True)]
        write_lines(clone / "data" / "example_data" / "query_data" / f"default_query_{half}.jsonl", tasks)


def write_csv(path: Path, rows: list[list[str]]) -> None:
    """Write a CSV file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def write_lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def write_zip(path: Path, rows: Sequence[object]) -> None:
    """Write a ZIP archive with one JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}.json", json.dumps(rows))
