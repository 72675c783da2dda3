"""Reading the public sources from clones, in tiny files of the same shape."""

import json
from pathlib import Path

import pytest

from router_models.data import DataError
from router_models.sources import llmrouter, mmlu_pro, routellm, zeroeval
from router_models.sources.clones import Repository, json_lines, json_rows, zipped_json_rows
from router_models.sources.tables import SourceOutcome, Tables, group_of, split_of, with_options
from tests.support.source_clones import (
    LAMPS,
    STRONG,
    WEAK,
    write_csv,
    write_llmrouter,
    write_mmlu_pro,
    write_routellm,
    write_zeroeval,
)


def quiet(what: str, done: int, total: int) -> None:
    assert what
    assert 0 < done <= total


def scores_of(tables: Tables, query_id: str) -> dict[str, float]:
    return {row.model: row.score for row in tables.outcomes if row.query_id == query_id}


def test_routellm_gives_what_each_model_got_right_and_which_prompts_its_router_had_seen(tmp_path: Path) -> None:
    write_routellm(tmp_path)
    tables = routellm.read(tmp_path, quiet)
    queries = {query.id: query for query in tables.queries}
    assert list(queries) == [
        "routellm-mmlu-lamps-0",
        "routellm-mmlu-tides-0",
        "routellm-gsm8k-0",
        "routellm-mtbench-81",
    ]
    assert queries["routellm-mmlu-lamps-0"].prompt == LAMPS
    assert queries["routellm-mmlu-lamps-0"].category == "lamps"
    assert [name for name, query in queries.items() if query.contaminated] == [
        "routellm-mmlu-tides-0",
        "routellm-mtbench-81",
    ]
    assert scores_of(tables, "routellm-mmlu-lamps-0") == {WEAK: 0.0, STRONG: 1.0}


def test_routellm_gives_the_length_of_answers_where_they_are_published(tmp_path: Path) -> None:
    write_routellm(tmp_path)
    rows = routellm.read(tmp_path, quiet).outcomes
    assert [row.output_chars for row in rows if row.query_id == "routellm-gsm8k-0"] == [10, 4]
    assert [row.output_chars for row in rows if row.query_id == "routellm-mmlu-lamps-0"] == [None, None]


def test_mt_bench_is_the_mean_mark_of_both_turns_and_keeps_the_second(tmp_path: Path) -> None:
    write_routellm(tmp_path)
    tables = routellm.read(tmp_path, quiet)
    assert scores_of(tables, "routellm-mtbench-81") == {STRONG: 0.85}
    assert next(query.second_turn for query in tables.queries if query.dataset == "mt_bench") == "Now in rhyme."


def test_a_verdict_that_is_neither_true_nor_false_is_told_with_its_place(tmp_path: Path) -> None:
    write_routellm(tmp_path)
    rows = [["prompt", WEAK, STRONG], ["One?", "True", "True"], ["Two?", "True", "perhaps"]]
    write_csv(tmp_path / "routellm" / "evals" / "mmlu" / "responses" / "mmlu_lamps.csv", rows)
    with pytest.raises(
        DataError, match=r"mmlu_lamps\.csv:3: 'gpt-4-1106-preview' is 'perhaps', neither True nor False"
    ):
        routellm.read(tmp_path, quiet)


def test_mmlu_pro_counts_the_extracted_letter_and_leaves_out_answers_to_other_words(tmp_path: Path) -> None:
    write_mmlu_pro(tmp_path)
    tables = mmlu_pro.read(tmp_path, quiet)
    assert [query.prompt for query in tables.queries] == [
        "How many lamps in all?\nA. 1\nB. 2",
        "How many tides?\nA. 1\nB. 2",
    ]
    assert scores_of(tables, "mmlupro-7") == {mmlu_pro.MODELS[0]: 1.0}
    assert set(scores_of(tables, "mmlupro-8").values()) == {0.0}
    assert tables.outcomes[0] == SourceOutcome("mmlupro-7", mmlu_pro.MODELS[0], 1.0, len("So: (B)"))
    assert tables.notes == ["28 answers to a question in other words were left out"]


def test_mmlu_pro_names_every_archive_that_is_not_there(tmp_path: Path) -> None:
    write_mmlu_pro(tmp_path)
    for model in mmlu_pro.MODELS[1:3]:
        (tmp_path / "eval_results" / f"model_outputs_{model}_5shots.zip").unlink()
    with pytest.raises(DataError, match=r"Llama-2-13b-hf_5shots\.zip, .*Llama-2-70b-hf_5shots\.zip\. .* git clone"):
        mmlu_pro.inputs(tmp_path)


def test_zeroeval_is_graded_anew_and_a_run_that_broke_off_is_left_out(tmp_path: Path) -> None:
    write_zeroeval(tmp_path, zeroeval.QUESTIONS)
    tables = zeroeval.read(tmp_path, quiet)
    assert len(tables.queries) == len(tables.outcomes) == sum(zeroeval.QUESTIONS.values())
    for dataset in zeroeval.QUESTIONS:
        assert scores_of(tables, f"zeroeval-{dataset}-2") == {"able-7b": 1.0}
        assert scores_of(tables, f"zeroeval-{dataset}-3") == {"able-7b": 0.0}
    assert tables.notes[0] == "gsm broken-off-7b was left out: 1 of 1319 questions"


def test_zeroeval_passes_over_the_files_that_the_shipped_model_was_not_trained_on(tmp_path: Path) -> None:
    write_zeroeval(tmp_path, dict.fromkeys(zeroeval.QUESTIONS, 1))
    (tmp_path / "result_dirs" / "gsm" / "Qwen2-1.5B-Instruct.json").write_text("[]")
    assert [path.stem for path in zeroeval.inputs(tmp_path) if path.parent.name == "gsm"] == [
        "able-7b",
        "broken-off-7b",
    ]


def test_llmrouter_takes_the_published_metric_and_finds_the_task_by_the_question(tmp_path: Path) -> None:
    write_llmrouter(tmp_path)
    tables = llmrouter.read(tmp_path, quiet)
    assert [(query.id, query.dataset) for query in tables.queries] == [
        ("llmrouter-train-0", "natural_qa"),
        ("llmrouter-train-1", "mbpp"),
        ("llmrouter-test-0", "natural_qa"),
        ("llmrouter-test-1", "mbpp"),
    ]
    assert scores_of(tables, "llmrouter-test-1") == {"small-7b": 0.0, "big-70b": 0.8182}


def test_a_question_of_no_known_task_is_told_with_its_place(tmp_path: Path) -> None:
    write_llmrouter(tmp_path)
    (tmp_path / "data" / "example_data" / "query_data" / "default_query_test.jsonl").write_text("")
    with pytest.raises(DataError, match=r"test\.json: entry 0: no task in .* has this question"):
        llmrouter.read(tmp_path, quiet)


def test_a_clone_is_found_by_its_name_or_below_its_owner(tmp_path: Path) -> None:
    repository = Repository("someone", "Thing", "abc1234")
    with pytest.raises(DataError, match=r"Thing is not there\. Fetch it, in .*: git clone .*/someone/Thing Thing"):
        repository.clone_in(tmp_path)
    (tmp_path / "someone" / "Thing").mkdir(parents=True)
    assert repository.clone_in(tmp_path) == tmp_path / "someone" / "Thing"
    (tmp_path / "Thing").mkdir()
    assert repository.clone_in(tmp_path) == tmp_path / "Thing"


def test_a_file_that_git_lfs_has_not_fetched_is_told_so(tmp_path: Path) -> None:
    for name in ("a.json", "a.zip", "a.jsonl"):
        (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match=r"a\.json: no JSON .*`git lfs pull`"):
        list(json_rows(tmp_path / "a.json"))
    with pytest.raises(DataError, match=r"a\.zip: no ZIP .*`git lfs pull`"):
        list(zipped_json_rows(tmp_path / "a.zip"))
    with pytest.raises(DataError, match=r"a\.jsonl:1: no JSON .*`git lfs pull`"):
        list(json_lines(tmp_path / "a.jsonl"))


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ({"scores": {"a": 1}}, "entry 0: there is no 'question'"),
        ({"question": 3, "scores": {"a": 1}}, "entry 0: 'question' is no text"),
        ({"question": "train who sings?", "scores": {"a": "good"}}, "entry 0: 'scores' does not map names to numbers"),
    ],
)
def test_a_field_of_the_wrong_kind_is_told_with_its_place(entry: dict[str, object], what: str, tmp_path: Path) -> None:
    write_llmrouter(tmp_path)
    (tmp_path / "data" / "dcrouter_preprocessed" / "train.json").write_text(json.dumps([entry]))
    with pytest.raises(DataError, match=what):
        llmrouter.read(tmp_path, quiet)


def test_a_question_has_one_group_with_whichever_options_case_and_marks() -> None:
    assert group_of(LAMPS) == group_of(with_options("how many LAMPS", ["5", "6", "7"]))
    assert group_of("How many lamps?\n(A) 1") == group_of("How many lamps?")
    assert group_of("How many tides?") != group_of("How many lamps?")
    assert len(group_of(LAMPS)) == 12


def test_splits_follow_the_group_in_shares_of_70_10_20() -> None:
    drawn = [split_of(f"{at:012x}") for at in range(20_000)]
    assert drawn.count("train") / 20_000 == pytest.approx(0.7, abs=0.01)
    assert drawn.count("valid") / 20_000 == pytest.approx(0.1, abs=0.01)
    assert drawn.count("test") / 20_000 == pytest.approx(0.2, abs=0.01)
    assert split_of("0" * 12) == split_of("0" * 12)
