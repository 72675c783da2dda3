"""Reading a user's own labelled outcomes, and training on them."""

import csv
import gzip
import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from pyarrow.lib import Table

from router_models.cli_data import OWN_ARTEFACT, OWN_MODEL, at_own_places
from router_models.data import DataError, Outcomes
from router_models.own_data import is_own_data, read_own, thin_places
from tests.support.routing_world import a_world

Rows = Sequence[Mapping[str, object]]
GOOD: dict[str, object] = {"prompt": "What is the tide?", "model": "our-7b", "score": 1.0}


def many(count: int = 60) -> list[dict[str, object]]:
    """Return enough rows that every split gets a query."""
    return [
        {"prompt": f"Question {at} of the day", "model": model, "score": float(at % 2)}
        for at in range(count)
        for model in ("our-7b", "gpt-4o-2024-08-06")
    ]


def write(path: Path, rows: Rows) -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        parquet.write_table(Table.from_pylist([dict(row) for row in rows]), path)  # type: ignore[no-untyped-call]
    elif ".csv" in path.suffixes:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def read(path: Path) -> Outcomes:
    return read_own(path, lambda warning: None)


def complaint(path: Path) -> str:
    with pytest.raises(DataError) as refused:
        read(path)
    return str(refused.value)


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.jsonl", "a.jsonl.gz"])
def test_every_kind_of_file_gives_the_same_outcomes(name: str, tmp_path: Path) -> None:
    rows = [row | {"output_tokens": 12, "group": f"g{at // 2}"} for at, row in enumerate(many())]
    outcomes = read(write(tmp_path / name, rows))
    assert outcomes.references == ("gpt-4o", "our-7b")
    assert len(outcomes.queries) == 60
    assert outcomes.queries[3].prompt == "Question 3 of the day"
    assert outcomes.queries[3].group == "g3"
    assert outcomes.score[:, 1].tolist() == [float(at % 2) for at in range(60)]
    assert outcomes.seen.all()
    assert (outcomes.output_tokens == 12).all()
    assert {query.source for query in outcomes.queries} == {"own"}


def test_a_directory_is_the_public_data_and_a_file_is_own_data(tmp_path: Path) -> None:
    assert is_own_data(tmp_path / "mine.Parquet")
    assert is_own_data(tmp_path / "mine.jsonl.gz")
    assert not is_own_data(tmp_path)
    (tmp_path / "odd.csv").mkdir()
    assert not is_own_data(tmp_path / "odd.csv")


def test_groups_default_to_the_prompt_and_splits_to_the_group(tmp_path: Path) -> None:
    rows = [*many(), {"prompt": "question 5  OF the day", "model": "our-7b", "score": 0.0}]
    first, again = read(write(tmp_path / "a.csv", rows)), read(write(tmp_path / "b.csv", rows[::-1]))
    assert first.queries[5].group == first.queries[60].group
    assert first.queries[5].id != first.queries[60].id
    splits = {query.id: query.split for query in first.queries}
    assert splits == {query.id: query.split for query in again.queries}
    assert set(splits.values()) == {"train", "valid", "test"}


def test_given_splits_and_data_sets_are_kept(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"{split} {at}", "model": "a", "score": 1, "split": split, "dataset": "mmlu"}
        for split in ("train", "valid", "test")
        for at in range(2)
    ]
    outcomes = read(write(tmp_path / "a.csv", rows))
    assert [query.split for query in outcomes.queries] == [row["split"] for row in rows]
    assert outcomes.where(task="knowledge").all()


def test_several_scores_of_one_query_and_model_are_averaged(tmp_path: Path) -> None:
    extra = {"prompt": "Question 0 of the day", "model": "our-7b", "score": 0.5, "output_tokens": 8}
    outcomes = read(write(tmp_path / "a.jsonl", [*many(), extra]))
    assert outcomes.score[0].tolist() == [0.0, 0.25]
    assert outcomes.output_tokens[0, 1] == 8.0
    assert np.isnan(outcomes.output_tokens[1:]).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prompt": " "}, "row 2, column prompt: is empty; every row needs the prompt"),
        ({"model": None}, "row 2, column model: is empty; every row needs the model"),
        ({"score": None}, "row 2, column score: is empty; write how good the answer was"),
        ({"score": "good"}, "row 2, column score: 'good' is no number; write how good"),
        ({"score": "nan"}, "row 2, column score: 'nan' is no number"),
        ({"score": 87}, "column score: 87 is not from 0 to 1; divide the column by 100"),
        ({"score": -0.5}, "column score: -0.5 is not from 0 to 1; scale the column to 0..1"),
        ({"split": "dev"}, "row 2, column split: 'dev' is no split; write 'valid'"),
        ({"split": "holdout"}, "'holdout' is no split; write train, valid or test, or leave the whole column out"),
        ({"output_tokens": -3}, "row 2, column output_tokens: -3 is no count of tokens"),
        ({"input_tokens": "x" * 99}, "column input_tokens: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... is no count"),
    ],
)
def test_a_bad_cell_is_told_with_row_column_and_remedy(change: dict[str, object], told: str, tmp_path: Path) -> None:
    assert told in complaint(write(tmp_path / "a.jsonl", [GOOD, GOOD | change]))


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({"query_id": "q"}, {"query_id": "q", "prompt": "Else?"}, "column query_id: 'q' has another prompt in row 1"),
        ({"group": "g"}, {"group": "h"}, "column group: query '"),
        ({"split": "train"}, {"split": "test"}, "column split: 'test', but its group is 'train' in row 1"),
        ({"split": "train"}, {"prompt": "Else?"}, "row 2, column split: is empty; fill it in every row, or leave"),
    ],
)
def test_rows_that_contradict_each_other_are_told(
    first: dict[str, object], second: dict[str, object], told: str, tmp_path: Path
) -> None:
    assert told in complaint(write(tmp_path / "a.jsonl", [GOOD | first, GOOD | second]))


def test_all_bad_cells_are_told_at_once_up_to_a_limit(tmp_path: Path) -> None:
    told = complaint(write(tmp_path / "a.jsonl", [GOOD | {"score": 2.0, "model": ""} for _ in range(30)])).splitlines()
    assert told[0].endswith("60 cells cannot be used:")
    assert told[1].startswith("  row 1, column model")
    assert told[20].startswith("  row 10, column score")
    assert told[21] == "  and 20 more in model, 20 more in score"


def test_a_missing_column_is_told_with_the_one_that_may_be_meant(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [{"prompts": "x", "model": "a", "value": 1}])
    told = complaint(path)
    assert "there is no column 'prompt'; is it 'prompts'? Then rename it" in told
    assert "there is no column 'score'; there are: prompts, model, value" in told


@pytest.mark.parametrize(
    ("name", "raw", "told"),
    [
        ("a.parquet", b"no parquet", "cannot be read as .parquet"),
        ("a.jsonl.gz", b"no gzip", "cannot be read as .gz"),
        ("a.csv", b"\xff\xfe\xff", "cannot be read as .csv"),
        ("a.jsonl", b'{"prompt": "x"}\n{broken\n', "a.jsonl:2: no JSON"),
        ("b.jsonl", b"[1]\n", "b.jsonl:1: an object was expected"),
        ("c.csv", b"", "there is no column 'prompt'; there are: none"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(name: str, raw: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(raw)
    assert told in complaint(tmp_path / name)


def test_an_absent_file_and_one_too_small_to_split_are_told(tmp_path: Path) -> None:
    assert "is not there" in complaint(tmp_path / "none.parquet")
    assert "none in the split" in complaint(write(tmp_path / "a.csv", [GOOD]))


def test_thin_data_are_warned_of_in_plain_words(tmp_path: Path) -> None:
    warnings: list[str] = []
    read_own(write(tmp_path / "a.csv", many()[::2]), warnings.append)
    assert warnings[0].startswith("There is only one model")
    assert any("queries to learn from; below 200 its ability is a rough guess" in each for each in warnings)
    assert any("queries to test on; below 100 expect wide intervals" in each for each in warnings)
    assert any("in common" in each for each in thin_places(a_world(90)))
    assert not [each for each in thin_places(a_world(9_000)) if "rough guess" in each]


def test_own_outcomes_are_kept_apart_from_the_shipped_model_where_no_other_place_is_named(tmp_path: Path) -> None:
    kept, shipped, own = Path("kept.npz"), Path("shipped"), tmp_path / "a.csv"
    moved = at_own_places(Namespace(data=own, model=kept, out=shipped), kept, shipped)
    assert (moved.model, moved.out) == (OWN_MODEL, OWN_ARTEFACT)
    named = at_own_places(Namespace(data=own, model=Path("m"), out=Path("o")), kept, shipped)
    assert (named.model, named.out) == (Path("m"), Path("o"))
    public = at_own_places(Namespace(data=tmp_path, model=kept, out=shipped), kept, shipped)
    assert (public.model, public.out) == (kept, shipped)
    assert at_own_places(Namespace(data=own), kept, shipped) == Namespace(data=own)
