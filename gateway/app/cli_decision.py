"""A decision as a table for the terminal."""

from collections.abc import Iterable

from rich.console import Console

from gateway.app.cli_output import facts, table, title
from gateway.app.decision_words import numbers, verdict, what_led, would_change
from gateway.domain.decision import Decision


def print_decision(console: Console, decision: Decision, before: Iterable[tuple[str, str]] = ()) -> None:
    """Print everything that led to a decision; `before` are facts to begin with."""
    console.print(facts([*before, *what_led(decision)]))
    console.print()
    right = ("p acceptable", "90 % interval", "p needed", "expected cost USD", "p − λ·cost")
    rows = table("tier", *right, "verdict", right=right)
    for view in decision.views:
        rows.add_row(view.tier, *numbers(view, decision), verdict(view, decision))
    console.print(rows)
    changes = list(would_change(decision))
    if changes:
        console.print()
        console.print(title("what would have changed it"))
        for line in changes:
            console.print(f"  {line}")
