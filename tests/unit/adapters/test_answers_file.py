"""Answers are kept as they come, and a file is one model's and one run's."""

from pathlib import Path

import pytest

from gateway.adapters.answers_file import AnswersFile, AnswersFileError, KeptAnswer

FIRST = KeptAnswer("a", "Answer: 1", 10, 3, 64)
SECOND = KeptAnswer("b", "λ\n…", 11, 64, 64, is_cut=True)


def kept(path: Path, model: str = "m") -> dict[str, KeptAnswer]:
    with AnswersFile(path, model) as file:
        return dict(file.answers)


def test_what_was_added_is_there_after_the_run_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "answers.jsonl"
    file = AnswersFile(path, "m")
    file.add(FIRST)
    file.add(SECOND)
    assert len(path.read_bytes().splitlines()) == 3
    file.close()
    assert kept(path) == {"a": FIRST, "b": SECOND}


def test_the_last_answer_to_a_probe_counts(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with AnswersFile(path, "m") as file:
        file.add(SECOND)
        file.add(KeptAnswer("b", "whole", 11, 70, 128))
    assert kept(path)["b"].text == "whole"


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_half_a_line_at_the_end_is_dropped(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "answers.jsonl"
    with AnswersFile(path, "m") as file:
        file.add(FIRST)
        file.add(SECOND)
    path.write_bytes(path.read_bytes()[:-cut])
    with AnswersFile(path, "m") as file:
        assert dict(file.answers) == {"a": FIRST}
        file.add(SECOND)
    assert kept(path) == {"a": FIRST, "b": SECOND}


def test_a_file_that_was_killed_at_once_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b'{"object":')
    assert kept(path) == {}
    assert path.read_bytes().endswith(b'"model":"m"}\n')


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"object":"tiergate_probe_answers","version":1,"model":"other"}\n', "holds answers of `other`, not of `m`"),
        (b'{"object":"diary","version":1,"model":"m"}\n', ":1: not a file of answers to probes"),
        (b'{"object":"tiergate_probe_answers","version":2,"model":"m"}\n', ":1: not a file of answers to probes"),
        (b"Dear diary\n", ":1: cannot be read"),
        (b"Dear diary", ":1: not a file of answers to probes"),
        (b'{"object":"tiergate_probe_answers","version":1,"model":"m"}\n{}\n', ":2: cannot be read"),
    ],
)
def test_another_file_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(content)
    with pytest.raises(AnswersFileError, match="--work FILE") as refused:
        AnswersFile(path, "m")
    assert said in str(refused.value)
    assert path.read_bytes() == content


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with AnswersFile(path, "m"), pytest.raises(AnswersFileError, match="written by another run"):
        AnswersFile(path, "m")
    assert kept(path) == {}


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AnswersFileError, match="cannot be written"):
        AnswersFile(tmp_path / "file" / "answers.jsonl", "m")
