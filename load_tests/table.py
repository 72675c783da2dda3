"""Draws the tables."""

from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from load_tests.compare import Comparison
from load_tests.summary import FIGURES, bad_replies, figure_range


def show(tables: Sequence[Table], remarks: Iterable[str], piped_width: int) -> int:
    """Print tables, then what is wrong; return the exit status, 1 if anything is.

    `piped_width` is in columns, and holds where there is no terminal to fit the tables into.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=piped_width)
    console.print(*tables)
    said = list(remarks)
    for remark in said:
        console.print(remark, markup=False)
    return 1 if said else 0


def figures_table(at: str, where: Mapping[str, object], caption: str, columns: Sequence[str]) -> Table:
    """Begin a table of figures: when and on what machine they were found, and what each row's first word is about."""
    table = Table(
        title=Text(f"{at} · {where['cpu']}, {where['cores']} cores, Python {where['python']}"),
        caption=Text(caption),
        box=box.SIMPLE_HEAD,
    )
    for heading in columns:
        table.add_column(heading, justify="left" if heading == columns[0] else "right", no_wrap=True)
    return table


def comparison_table(comparison: Comparison) -> Table:
    """Draw a figure a row and a target a column; rows and columns without a figure are left out."""
    measurements = comparison.measurements
    targets = list(dict.fromkeys(m.target for m in measurements))
    rounds = max((m.round for m in measurements), default=0)
    table = Table(
        title=Text(f"{comparison.at} · {_machine(comparison)} · tools: {comparison.tools}"),
        caption=Text(f"medians of {rounds} rounds [lowest–highest]; ratios and differences are taken within a round"),
        box=box.SIMPLE_HEAD,
    )
    table.add_column("figure", no_wrap=True)
    for target in targets:
        heading = Text(f"{target}\n{comparison.versions.get(target, '')}")
        table.add_column(heading, justify="right")
    table.add_column("goal", justify="right", no_wrap=True)
    for figure in FIGURES:
        ranges = [figure_range(figure, target, measurements) for target in targets]
        if any(ranges):
            cells = [Text(found.text(figure.digits) if found else "–") for found in ranges]
            table.add_row(figure.title, *cells, figure.goal)
    table.add_row("wrong or missing replies", *(f"{bad_replies(target, measurements)[0]:,}" for target in targets), "0")
    return table


def remarks(comparison: Comparison) -> Iterable[str]:
    """Say what the table leaves out: targets that could not be measured, and the first wrong reply of each."""
    for name, why in comparison.left_out.items():
        yield f"{name} is left out: {why}"
    for target in dict.fromkeys(m.target for m in comparison.measurements):
        count, first = bad_replies(target, comparison.measurements)
        if count:
            yield f"{target}: {count:,} wrong replies, first: {first}"


def _machine(comparison: Comparison) -> str:
    machine = comparison.machine
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}"
