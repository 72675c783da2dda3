"""What was measured, as Markdown: one section for each device, which the next run on that device replaces."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from gateway.adapters.onnx_runtime import onnxruntime
from router_models.bench import Cell, OpenLoop

HEADING: Final = """\
# Speed of the difficulty model

Written by `python -m router_models bench`; a run on a device replaces that device's section. Encoder: text in to latent
and embedding out (cut into ids, fill up, pass through), one caller who sends batch after batch. Folded stage: text in
to score out, one text at a time.
"""
_SECTION: Final = re.compile(r"^## ", re.MULTILINE)
_CPU_NAME: Final = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)
_NVIDIA: Final = ("--query-gpu=name,driver_version", "--format=csv,noheader")
Rows = Sequence[tuple[str, ...]]
CELL_COLUMNS: Final = ("texts", "tokens", "IO binding", "p50 ms", "p99 ms", "requests/s", "rounds")
OPEN_COLUMNS: Final = ("offered/s", "tokens", "p50 ms", "p99 ms", "answered/s", "texts in a pass")
FOLDED_COLUMNS: Final = ("stage", "text", "p50 µs", "p99 µs")


def surroundings(device: str, providers: Sequence[str], model: Path | None) -> dict[str, str]:
    """Return what the figures depend on: machine, device, providers, versions and the model."""
    found = {"machine": f"{_processor()}, {os.cpu_count()} cores", "device": device}
    if device == "cuda":
        found["gpu"] = _gpu()
    versions = (
        ("Python", platform.python_version()),
        ("onnxruntime", onnxruntime.__version__),
        ("NumPy", np.__version__),
    )
    return found | {
        "providers": ", ".join(providers) or "none",
        "model": model.name if model else "none",
        "versions": ", ".join(f"{name} {version}" for name, version in versions),
    }


def cell_rows(cells: Sequence[Cell]) -> Rows:
    """Return the encoder's measurements as text."""
    return [
        (
            str(cell.batch),
            str(cell.tokens),
            "yes" if cell.is_bound else "no",
            f"{cell.p50_ms:.2f}",
            f"{cell.p99_ms:.2f}",
            f"{cell.texts_per_s:,.0f}",
            str(cell.rounds),
        )
        for cell in cells
    ]


def open_rows(runs: Sequence[OpenLoop]) -> Rows:
    """Return the open-loop runs as text."""
    return [
        (
            f"{run.rate_per_s:,.0f}",
            str(run.tokens),
            f"{run.p50_ms:.2f}",
            f"{run.p99_ms:.2f}",
            f"{run.reached_per_s:,.0f}",
            f"{run.mean_batch:.1f}",
        )
        for run in runs
    ]


def section(title: str, known: Mapping[str, str], tables: Sequence[tuple[Sequence[str], Rows]]) -> str:
    """Write one device's section: what is known of the run, then its tables, empty ones left out."""
    parts = [f"## {title}", "\n".join(f"- {name}: {value}" for name, value in known.items())]
    parts += [_table(columns, rows) for columns, rows in tables if rows]
    return "\n\n".join(parts) + "\n"


def replace_section(path: Path, title: str, text: str) -> None:
    """Put a section into the file in place of the one of that title, or at its end."""
    old = path.read_text("utf-8") if path.is_file() else HEADING
    head, *sections = _SECTION.split(old)
    kept = {each.split("\n", 1)[0]: f"## {each.rstrip()}\n" for each in sections}
    kept[title] = text
    path.write_text("\n".join([head.rstrip() + "\n", *kept.values()]), "utf-8")


def _table(columns: Sequence[str], rows: Rows) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    found = _CPU_NAME.search(described.read_text("utf-8")) if described.is_file() else None
    return found[1] if found else platform.machine()


def _gpu() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return "unknown (no nvidia-smi)"
    asked = subprocess.run([program, *_NVIDIA], capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return "; ".join(asked.stdout.strip().splitlines()) or "unknown"
