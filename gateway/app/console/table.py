"""Rows of tables, and the small marks that stand in them."""

from collections.abc import Iterable

from gateway.app.console.markup import Child, Markup, join, tag


def row(*cells: Markup, **attributes: str) -> Markup:
    """Write a row of cells."""
    return tag("tr", *cells, **attributes)


def cell(*children: Child) -> Markup:
    """Write a cell of words."""
    return tag("td", *children)


def number(*children: Child) -> Markup:
    """Write a cell of a number, which stands at the right."""
    return tag("td", *children, class_="number")


def state(kind: str, said: str) -> Markup:
    """Write a cell that says how something stands, `good`, `fair`, `poor` or `none`: by a mark, and by its words."""
    return tag("td", tag("span", said, class_=f"state {kind}"))


def empty(columns: int, said: str) -> Markup:
    """Write the one row of a table that has nothing to tell."""
    return row(tag("td", said, colspan=columns, class_="empty"))


def bar(part: float, whole: float) -> Markup:
    """Draw a share as a bar. It says nothing that the number beside it does not say."""
    width = 0.0 if not whole else max(0.0, min(1.0, part / whole))
    filled = tag("rect", width=f"{100 * width:.1f}%", height="100%", class_="filled")
    return tag("svg", tag("rect", width="100%", height="100%"), filled, class_="bar", aria_hidden="true")


def table(label: str, columns: str, rows: Child, **body: str) -> Markup:
    """Write a whole table that scrolls sideways where it must.

    `columns` are separated by bars; those that begin with `>` hold numbers. `body` are attributes of the rows' holder.
    """
    heads = (
        tag("th", column.removeprefix(">"), scope="col", class_="number" if column.startswith(">") else None)
        for column in columns.split("|")
    )
    inner = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", rows, **body))
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=label)


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Write pairs of a name and what there is to say."""
    return tag("dl", [join(tag("dt", name), tag("dd", said)) for name, said in pairs], class_="facts")
