"""The dashboards as they are committed: their panels, and their queries with every variable filled in."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.architecture.sources import ROOT

FOLDER: Final = ROOT / "deploy/grafana/dashboards"
Json = Mapping[str, Any]
ALL: Final = ".*"


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel, an annotation or a variable, as it is sent to Prometheus; `place` says whose it is."""

    place: str
    expression: str


def boards() -> dict[str, Json]:
    """Read them all, by the name of their file."""
    return {file.name: json.loads(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.json"))}


def short_title(board: Json) -> str:
    """Return its title without the product's name."""
    return str(board["title"]).removeprefix("Tiergate · ")


def panels(board: Json) -> list[Json]:
    """Return its panels, those of folded rows too, but not the rows."""
    flat = [inner for panel in board["panels"] for inner in (panel, *panel.get("panels", ()))]
    return [panel for panel in flat if panel["type"] != "row"]


def asked_of_panels(board: Json, durations: Mapping[str, str]) -> Iterator[Asked]:
    """Yield every query of every panel, with the choices at "All" and Grafana's own durations as given."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield Asked(f"{short_title(board)} / {panel['title']}", filled(board, target["expr"], durations))


def asked_of_annotations(board: Json, durations: Mapping[str, str]) -> Iterator[Asked]:
    """Yield what is marked in time."""
    for mark in board["annotations"]["list"]:
        if "expr" in mark:
            yield Asked(f"{short_title(board)} / {mark['name']}", filled(board, mark["expr"], durations))


def choices(board: Json) -> Iterator[tuple[str, str, str]]:
    """Yield each variable that Prometheus is asked for: its name, the metric, and the label."""
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((\w+)(?:\{.+\})?, (\w+)\)", variable["query"])
            assert found is not None, variable["query"]
            yield variable["name"], found[1], found[2]


def filled(board: Json, expression: str, durations: Mapping[str, str]) -> str:
    """Put a value in the place of each variable. Raises AssertionError for one that the dashboard does not have."""
    values = dict(durations)
    for variable in board["templating"]["list"]:
        values[variable["name"]] = variable.get("allValue") or ALL
    names = sorted(values, key=len, reverse=True)
    text = re.sub(rf"\$\{{?({'|'.join(names)})\}}?", lambda found: values[found[1]], expression)
    assert "$" not in text, f"{board['title']}: what is {text[text.index('$') :][:20]}?"
    return text


def runbooks_linked(panel: Json) -> list[Path]:
    """Return the runbooks that a panel leads to."""
    links = [link["url"] for link in panel.get("links", ())]
    return [ROOT / "deploy/runbooks" / link.removeprefix("${runbooks}/") for link in links]
