"""HTML that cannot be broken out of: whatever is not `Markup` is text, and is escaped where it is put in."""

import html
from collections.abc import Iterable
from typing import Final, TypeAlias

Child: TypeAlias = "str | int | Iterable[str]"
"""Text, a number, markup, or several of them."""

_VOID: Final = frozenset({"input", "link", "meta"})


class Markup(str):
    """Text that is HTML already. What is done to it, such as joining it to other text, makes it plain text again."""

    __slots__ = ()


def tag(element: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """Write an element.

    Names of attributes are written as Python has them: `class_`, `aria_label`. True writes the name alone, False and
    None leave it out.
    """
    head = "".join(_attribute(key, value) for key, value in attributes.items())
    if element in _VOID:
        return Markup(f"<{element}{head}>")
    return Markup(f"<{element}{head}>{''.join(map(_inner, children))}</{element}>")


def join(*children: Child) -> Markup:
    """Put several things side by side."""
    return Markup("".join(map(_inner, children)))


def _inner(child: Child) -> str:
    if isinstance(child, Markup):
        return child
    if isinstance(child, str | int):
        return html.escape(str(child))
    return "".join(map(_inner, child))


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value))}"'
