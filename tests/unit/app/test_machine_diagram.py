"""The README shows the exchange machine as it is."""

import pytest

from gateway.app.machine_diagram import BEGINS, COMMAND, ENDS, FILE, main, render, within
from gateway.core.exchange import TABLE
from tests.architecture.sources import ROOT


def test_the_readme_shows_the_machine_as_it_is() -> None:
    document = (ROOT / FILE).read_text(encoding="utf-8")
    assert within(document) == document, f"out of date; renew it: {COMMAND}"


def test_every_row_of_the_machine_is_drawn_and_listed() -> None:
    drawn = render()
    for (state, event), row in TABLE.items():
        assert f"| {state.name} | {event.__name__} | " in drawn
        for becomes in row.becomes:
            arrow = next((line for line in drawn.splitlines() if f" {state.name} --> {becomes.name}: " in line), "")
            assert becomes is state or event.__name__ in arrow


def test_a_document_without_a_place_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        within(BEGINS)
    assert within(f"a\n{BEGINS}old\n{ENDS}b\n") == f"a\n{BEGINS}{render()}{ENDS}b\n"


def test_it_is_printed_or_written_to_its_place(
    capsys: pytest.CaptureFixture[str], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    main([])
    assert capsys.readouterr().out == render()
    monkeypatch.chdir(str(tmp_path))
    FILE.parent.mkdir()
    FILE.write_text(BEGINS + ENDS, encoding="utf-8")
    main(["--write"])
    assert render() in FILE.read_text(encoding="utf-8")
