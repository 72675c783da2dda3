"""The generated reference: printed, or written to its place."""

from pathlib import Path

import pytest

from gateway.app.reference import FILE, main, render


def test_it_is_printed_or_written_where_it_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE.parent).mkdir()
    main([])
    assert capsys.readouterr().out == render()
    main(["--write"])
    assert (tmp_path / FILE).read_text(encoding="utf-8") == render()


def test_every_row_has_as_many_cells_as_its_table_has_columns() -> None:
    width = 0
    for line in render().splitlines():
        cells = line.count("|") - line.count("\\|") - 1
        if line.startswith("|---"):
            assert cells == width
        elif line.startswith("| "):
            assert width in (0, cells)
            width = cells
        else:
            width = 0
