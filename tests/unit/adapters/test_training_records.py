"""Training records on disk: written off the path, rotated, and never in the way."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.adapters.training_records import PATTERN, FileRecords, NoRecords, RecordsSettings
from gateway.domain.feedback import Feedback
from tests.support.labels import ANSWERED, GOOD


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob(PATTERN)) for line in path.read_text().splitlines()]


def test_a_row_tells_what_the_request_was_and_what_was_said_of_it(tmp_path: Path) -> None:
    records = FileRecords(tmp_path / "records", "w1")
    records.write(replace(ANSWERED, embedding=b"\x00\x7f"), Feedback(0.5, "not for training", 9.0))
    records.write(ANSWERED, None)
    assert records.waits
    assert not (tmp_path / "records").exists()
    records.flush()
    rated, unrated = rows(tmp_path / "records")
    assert (rated["label"], rated["label_at_s"], rated["embedding"], rated["text"]) == (0.5, 9.0, "AH8=", "")
    assert "not for training" not in rated.values()
    assert (rated["latent"], rated["propensity"], rated["classifier"]) == ([0.5], 1.0, "folded")
    assert unrated["label"] is None
    records.flush()
    assert len(rows(tmp_path / "records")) == 2
    assert not records.waits


def test_full_files_are_followed_by_new_ones_and_the_oldest_go(tmp_path: Path) -> None:
    one, other = (FileRecords(tmp_path, name, RecordsSettings(file_bytes_max=1, files_max=3)) for name in ("a", "b"))
    for number in range(6):
        one.write(replace(ANSWERED, input_tokens=number), GOOD)
        one.flush()
    other.write(replace(ANSWERED, input_tokens=99), GOOD)
    other.flush()
    assert len(list(tmp_path.glob(PATTERN))) == 3
    assert 99 in [row["input_tokens"] for row in rows(tmp_path)]


def test_rows_beyond_the_bound_and_rows_that_cannot_be_written_are_counted(tmp_path: Path) -> None:
    records = FileRecords(tmp_path, "w1", RecordsSettings(waiting_max=2))
    for _ in range(3):
        records.write(ANSWERED, None)
    assert records.lost == 1
    (tmp_path / "records-w1-000000.jsonl").mkdir()
    records.flush()
    assert records.lost == 3


def test_without_a_directory_nothing_is_kept() -> None:
    records = NoRecords()
    records.write(ANSWERED, GOOD)
    records.flush()
    assert (records.waits, records.lost) == (False, 0)
