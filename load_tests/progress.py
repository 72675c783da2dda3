"""Says what a long measurement is doing: one line that changes on a terminal, lines one after another elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def progress_line(told: Console) -> Iterator[Callable[[str], None]]:
    """Give a function that says what is being done, for the length of the block."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=told, transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def say(text: str) -> None:
            progress.update(task, description=escape(text))
            if not told.is_terminal:
                told.print(text, markup=False)

        yield say
