"""What all commands share: exit codes, where their words go, and tables that a pipe can read as well as a person."""

import json
import sys
from collections.abc import Iterable, Mapping
from io import TextIOWrapper
from typing import Final, NoReturn

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.app.settings import EXIT_CANNOT_START

EXIT_OK: Final = 0
EXIT_PROBLEMS: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130
"""What shells report for a command that SIGINT ended."""

EXIT_CODES: Final[Mapping[int, str]] = {
    EXIT_OK: "all is well",
    EXIT_PROBLEMS: "problems were found; for `policy diff`: the policies differ",
    EXIT_USAGE: "wrong usage: an option, or a file that cannot be read; for `policy diff`: a policy has problems",
    EXIT_CANNOT_START: "cannot start: settings, port, policy to serve, difficulty model, or a part not installed",
    EXIT_INTERRUPTED: "ended by Ctrl-C before it was done",
}
"""What each exit code of `tiergate` means. The help shows this table."""

PIPED_COLUMNS: Final = 160
"""A pipe has no width. rich would fold at 80, where a table's cells are hard to read and to search."""


def output() -> Console:
    """Return the console of standard output: colours in a terminal only, and never markup read out of a text."""
    return _console(stderr=False)


def errors() -> Console:
    """Return the console of standard error."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, PIPED_COLUMNS)
    return console


def say(text: str) -> None:
    """Write a text to standard output as it is, unfolded."""
    typer.echo(text)


def print_json(document: object) -> None:
    """Write one JSON document to standard output."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def stop(code: int, message: str) -> NoReturn:
    """Write a message to standard error and end with the exit code."""
    typer.echo(message, err=True)
    raise typer.Exit(code)


def lenient_streams() -> None:
    """Let a terminal that cannot show λ show a question mark in its place, rather than end with an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """Begin a table with these columns; those in `right` hold numbers."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    numbers = frozenset(right)
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def facts(lines: Iterable[tuple[str, str]]) -> Table:
    """Lay out pairs of a name and what there is to say, names in a column of their own."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in lines:
        grid.add_row(name, value)
    return grid


def title(text: str) -> Text:
    """Make a heading."""
    return Text(text, style="bold")
