"""Calibrations are found from the policy's folder."""

from pathlib import Path

from gateway.adapters.calibration_files import MAX_BYTES, CalibrationFiles


def test_a_path_starts_from_the_folder_of_the_policy(tmp_path: Path) -> None:
    (tmp_path / "calibrations").mkdir()
    (tmp_path / "calibrations" / "small.json").write_bytes(b"{}")
    files = CalibrationFiles(tmp_path)
    assert files("calibrations/small.json") == b"{}"
    assert files(str(tmp_path / "calibrations" / "small.json")) == b"{}"


def test_what_cannot_be_read_is_said_in_its_place(tmp_path: Path) -> None:
    files = CalibrationFiles(tmp_path)
    assert files("none.json") == f"{tmp_path / 'none.json'} cannot be read (No such file or directory)"
    assert "Is a directory" in str(files("."))
    assert "cannot be read" in str(files("a\0b"))
    (tmp_path / "huge.json").write_bytes(b" " * (MAX_BYTES + 1))
    assert str(files("huge.json")).endswith("has more than 1 MiB")
