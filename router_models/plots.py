"""Draw what an evaluation yields, as SVG files that are the same for the same figures."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from router_models.report import Drawing


def draw(drawings: Sequence[Drawing], directory: Path) -> list[Path]:
    """Write one file for each drawing and return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    return [_draw(each, directory / f"{each.name}.svg") for each in drawings]


def _draw(drawing: Drawing, path: Path) -> Path:
    # Identifiers in SVG are random, unless salted; text as text keeps the files small.
    with mpl.rc_context({"svg.hashsalt": drawing.name, "svg.fonttype": "none"}):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.add_subplot()
        for series in drawing.series:
            axes.plot(series.x, series.y, "o" if series.is_dotted else "-", label=series.name, markersize=4)
        axes.set(title=drawing.title, xlabel=drawing.x_label, ylabel=drawing.y_label)
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    return path
