"""Labels on disk: appended, read again, written anew when most lines are out of force."""

from pathlib import Path

import pytest

from gateway.adapters.memory_reservoir import MemoryReservoir
from gateway.adapters.reservoir_file import NAME, LabelFile
from gateway.adapters.reservoir_index import ReservoirSettings
from gateway.domain.feedback import Label
from gateway.ports import StoreUnavailable
from tests.support.labels import a_label


def lines(folder: Path) -> int:
    return len((folder / NAME).read_bytes().splitlines())


def test_what_was_appended_is_read_in_its_order(tmp_path: Path) -> None:
    file = LabelFile(tmp_path / "state")
    assert file.read() == []
    labels = [a_label("a", 0.25, embedding=b"\x00\xff"), a_label("b", 1.0), a_label("a", 0.75)]
    for label in labels:
        file.append(label)
    assert LabelFile(tmp_path / "state").read() == labels
    assert file.corrupt == 0


def test_a_half_written_line_costs_itself_alone(tmp_path: Path) -> None:
    file = LabelFile(tmp_path)
    file.append(a_label("a"))
    with (tmp_path / NAME).open("ab") as raw:
        raw.write(b'{"request_id": "b", "ten')
    file.append(a_label("c"))
    assert [label.request_id for label in file.read()] == ["a", "c"]
    assert file.corrupt == 1


async def test_a_file_that_is_mostly_out_of_force_is_written_anew_at_the_start(tmp_path: Path) -> None:
    bounds = ReservoirSettings(per_tenant=2)
    first = MemoryReservoir(LabelFile(tmp_path), bounds)
    for number in range(5):
        await first.add(a_label(f"{number}"))
    assert lines(tmp_path) == 5
    again = MemoryReservoir(LabelFile(tmp_path), bounds)
    assert lines(tmp_path) == 2
    await again.add(a_label("5"))
    assert [label.request_id for label in LabelFile(tmp_path).read()] == ["3", "4", "5"]


def test_what_another_worker_appended_meanwhile_outlives_the_rewriting(tmp_path: Path) -> None:
    file = LabelFile(tmp_path)
    for number in range(8):
        file.append(a_label(f"{number}", at_s=float(number)))
    newest: list[Label] = file.read()[-2:]
    file.append(a_label("elsewhere", at_s=99.0))
    file.compact(newest)
    assert [label.request_id for label in file.read()] == ["6", "7", "elsewhere"]


async def test_a_label_that_cannot_be_written_is_not_taken(tmp_path: Path) -> None:
    reservoir = MemoryReservoir(LabelFile(tmp_path))
    (tmp_path / NAME).mkdir()
    with pytest.raises(StoreUnavailable):
        await reservoir.add(a_label("a"))
    assert reservoir.stats()["labels"] == 0
