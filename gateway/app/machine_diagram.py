"""The exchange machine as its readers see it: a diagram and a table in `gateway/README.md`, made from its own table.

python -m gateway.app.machine_diagram --write
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from gateway.core.exchange import TABLE, State

FILE = Path("gateway/README.md")
COMMAND = "python -m gateway.app.machine_diagram --write"
BEGINS = "<!-- the exchange machine begins -->\n"
ENDS = "<!-- the exchange machine ends -->\n"


def render() -> str:
    """Return diagram and table as Markdown."""
    return "\n".join(["```mermaid", "stateDiagram-v2", *_arrows(), "```", "", *_rows(), ""])


def within(document: str) -> str:
    """Return the document with the part between the two marks made anew. Raises ValueError where they are not there."""
    before, begins, rest = document.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise ValueError(f"the document has no place for the diagram: a line {BEGINS!r} and below it {ENDS!r}")
    return before + BEGINS + render() + ENDS + after


def _arrows() -> Iterator[str]:
    """Draw one arrow for two states, with the events that lead from one to the other."""
    labels: dict[tuple[State, State], list[str]] = {}
    for (state, event), row in TABLE.items():
        for becomes in row.becomes:
            if becomes is not state:
                labels.setdefault((state, becomes), []).append(event.__name__)
    yield f"    [*] --> {State.IDLE.name}"
    for (state, becomes), events in labels.items():
        yield f"    {state.name} --> {becomes.name}: {', '.join(events)}"
    yield f"    {State.DONE.name} --> [*]"


def _rows() -> Iterator[str]:
    yield "| state | event | becomes |"
    yield "|---|---|---|"
    for (state, event), row in TABLE.items():
        yield f"| {state.name} | {event.__name__} | {' or '.join(becomes.name for becomes in row.becomes)} |"


def main(arguments: list[str]) -> None:
    """Print diagram and table, or write them to their place below the working directory."""
    if arguments == ["--write"]:
        FILE.write_text(within(FILE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.write(render())


if __name__ == "__main__":
    main(sys.argv[1:])
