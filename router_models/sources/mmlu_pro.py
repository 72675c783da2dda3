"""MMLU-Pro's published outputs, a ZIP archive a model (TIGER-AI-Lab/MMLU-Pro, Apache-2.0; questions MIT)."""

from pathlib import Path
from typing import Final

from router_models.data import DataError
from router_models.sources.clones import Repository, Told, zipped_json_rows
from router_models.sources.tables import SourceOutcome, SourceQuery, Tables, with_options

REPOSITORY: Final = Repository("TIGER-AI-Lab", "MMLU-Pro", "f418b11")
PLACE: Final = "eval_results"
MODELS: Final = (
    "DeepSeek-Coder-V2", "Llama-2-13b-hf", "Llama-2-70b-hf", "Llama-2-7b-hf", "Meta-Llama-3-70B", "Meta-Llama-3-8B",
    "Meta-Llama-3_1-70B-Instruct", "Meta-Llama-3_1-70B", "Meta-Llama-3_1-8B-Instruct", "Meta-Llama-3_1-8B",
    "Mistral-7B-Instruct-v0.1", "Mistral-7B-Instruct-v0.2", "Mistral-7B-v0.1", "Mistral-7B-v0.2-hf",
    "Mixtral-8x7B-Instruct-v0.1", "Mixtral-8x7B-v0.1", "Phi-3-mini-4k-instruct", "Qwen1.5-110B", "Qwen1.5-72B-Chat",
    "Qwen1.5-7B-Chat", "Yi-34B", "Yi-6B", "Yi-6b-Chat", "c4ai-command-r-v01", "gemini-1.5-flash-002",
    "gemini-1.5-pro-002", "gemma-7b", "jamba-1.5-large", "mathstral-7B",
)  # fmt: skip
"""Those that the shipped model was trained on; the repository has more. The first that has a question words it."""


def inputs(clone: Path) -> list[Path]:
    """Return the files that are read. Raises DataError when one is not there."""
    paths = [clone / PLACE / f"model_outputs_{model}_5shots.zip" for model in MODELS]
    absent = [path.name for path in paths if not path.is_file()]
    if absent:
        raise DataError(f"{clone / PLACE}: not there: {', '.join(absent)}. Is the clone complete? {REPOSITORY.fetch}")
    return paths


def read(clone: Path, told: Told) -> Tables:
    """Read queries and outcomes: right where the letter that the benchmark extracted is the key's.

    Where it extracted none the answer is wrong; the benchmark's own script guesses there, so its figures are higher.
    A question was sometimes reworded between models; an answer to other words than the query's is left out.
    """
    tables, worded = Tables(), dict[str, str]()
    reworded, paths = 0, inputs(clone)
    for done, (model, path) in enumerate(zip(MODELS, paths, strict=True), 1):
        for row in zipped_json_rows(path):
            query_id, question = f"mmlupro-{int(row.number('question_id'))}", row.text("question")
            if query_id not in worded:
                prompt = with_options(question, row.texts("options"))
                tables.queries.append(SourceQuery(query_id, "mmlu_pro", row.text("category"), prompt))
                worded[query_id] = question
            if worded[query_id] != question:
                reworded += 1
                continue
            is_right = row.text("pred") == row.text("answer")
            chars = len(row.text("model_outputs", "generated_text"))
            tables.outcomes.append(SourceOutcome(query_id, model, float(is_right), chars))
        told(model, done, len(paths))
    tables.notes.append(f"{reworded} answers to a question in other words were left out")
    return tables
