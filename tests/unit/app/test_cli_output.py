import io
import json
import sys

import pytest
import typer

from gateway.app.cli_output import (
    EXIT_CODES,
    PIPED_COLUMNS,
    facts,
    lenient_streams,
    output,
    print_json,
    stop,
    table,
)


def test_a_pipe_is_wide_enough_for_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = table("name", "number", right=("number",))
    rows.add_row("x" * (PIPED_COLUMNS - 20), "1")
    output().print(rows)
    assert "x" * (PIPED_COLUMNS - 20) in capsys.readouterr().out


def test_brackets_are_text_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    output().print(facts([("[bold]", "[red]x[/red]")]))
    assert capsys.readouterr().out.split() == ["[bold]", "[red]x[/red]"]


def test_a_json_document_is_all_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"λ": [1, None]})
    assert json.loads(capsys.readouterr().out) == {"λ": [1, None]}


def test_stopping_tells_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as stopped:
        stop(2, "why")
    assert stopped.value.exit_code == 2
    assert capsys.readouterr() == ("", "why\n")


def test_exit_codes_are_those_that_scripts_know() -> None:
    assert list(EXIT_CODES) == [0, 1, 2, 3, 130]


def test_what_a_terminal_cannot_show_does_not_end_the_command() -> None:
    before = sys.stdout
    raw = io.BytesIO()
    sys.stdout = io.TextIOWrapper(raw, encoding="ascii")
    try:
        lenient_streams()
        output().print("λ 5")
        sys.stdout.flush()
        assert raw.getvalue() == b"? 5\n"
    finally:
        sys.stdout = before
