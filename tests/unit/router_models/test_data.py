"""Reading the routing outcomes."""

from pathlib import Path

import numpy as np
import pytest

from router_models.data import DataError, default_data_directory, read_outcomes, read_prices, read_references, task_of
from tests.support.routing_world import write_data


def test_several_names_of_a_model_are_joined_and_their_outcomes_averaged(tmp_path: Path) -> None:
    write_data(
        tmp_path,
        [
            ("q0", "Meta-Llama-3_1-8B-Instruct", 1.0, "400"),
            ("q0", "llama-3.1-8b-instruct", 0.0, "800"),
            ("q1", "meta-llama/Meta-Llama-3.1-8B-Instruct", 1.0, ""),
        ],
    )
    outcomes = read_outcomes(tmp_path)
    column = outcomes.column("llama-3.1-8b-instruct")
    assert outcomes.score[:, column].tolist() == [0.5, 1.0, 0.0]
    assert outcomes.seen[:, column].tolist() == [True, True, False]
    assert outcomes.output_tokens[0, column] == 150.0
    assert np.isnan(outcomes.output_tokens[1:, column]).all()
    assert outcomes.seen.sum() == 2


def test_a_model_without_a_reference_is_named(tmp_path: Path) -> None:
    write_data(tmp_path, [("q0", "unheard-of-7b", 1.0, "")])
    with pytest.raises(DataError, match="no reference is called 'unheard-of-7b'"):
        read_outcomes(tmp_path)


def test_absent_data_are_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"queries\.jsonl\.gz is not there\. Name the directory .* with --data"):
        read_outcomes(tmp_path)


def test_queries_are_chosen_by_their_attributes(tmp_path: Path) -> None:
    write_data(tmp_path, [("q0", "gpt-4o", 1.0, "")])
    outcomes = read_outcomes(tmp_path)
    assert outcomes.where(dataset="mmlu", split="train").all()
    assert outcomes.where(task="knowledge").all()
    assert not outcomes.where(source="zeroeval").any()


def test_prices_are_by_reference(tmp_path: Path) -> None:
    write_data(tmp_path, [])
    assert read_prices(tmp_path) == {"gpt-4o": (2.5, 10.0)}


def test_names_are_lower_case_and_mean_one_model_each() -> None:
    table = read_references()
    names = [*table, *(alias for aliases in table.values() for alias in aliases)]
    assert len(names) == len(set(names))
    assert all(name == name.lower() and "/" not in name for name in names)


def test_a_data_set_of_no_known_kind_stands_for_itself() -> None:
    assert task_of("gsm8k") == "maths"
    assert task_of("chess") == "chess"


@pytest.mark.data
def test_the_published_outcomes_can_be_read() -> None:
    directory = default_data_directory()
    if not (directory / "routing" / "outcomes.csv.gz").is_file():
        pytest.skip(f"the routing outcomes are absent: {directory.name}/routing/outcomes.csv.gz beside the repository")
    outcomes = read_outcomes(directory)
    assert len(outcomes.queries) == 36_421
    assert outcomes.seen.sum() > 550_000
    groups = {split: {q.group for q in outcomes.queries if q.split == split} for split in ("train", "valid", "test")}
    assert not groups["train"] & groups["test"]
    assert not groups["train"] & groups["valid"]
