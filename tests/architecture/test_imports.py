"""The import contracts of `pyproject.toml` hold, and serving stays free of the training stack."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

_LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
_ENTRY = "gateway.app.wiring"
TRAINING_STACK = {"torch", "sentence_transformers", "sklearn", "scipy"}
"""Half a second and hundreds of megabytes a worker, for nothing that serving needs."""

_CONTRACT = """
[importlinter]
root_package = rooms
[importlinter:contract:one_way]
name = One way
type = layers
layers =
    rooms.above
    rooms.below
"""


def _lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _LINT, "--no-logo", "--no-cache", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def _imported_by(module: str, folder: Path) -> set[str]:
    """Return the top-level names that importing the module loads, from the interpreter's own report."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {module}"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, f"importing {module} failed:\n{run.stderr[-2000:]}"
    rows = [line for line in run.stderr.splitlines() if line.startswith("import time:")]
    return {row.rsplit("|", 1)[1].strip().split(".")[0] for row in rows}


def test_imports_keep_their_contracts() -> None:
    run = _lint(ROOT)
    assert run.returncode == 0, run.stdout + run.stderr


def test_an_import_against_the_arrow_is_found(tmp_path: Path) -> None:
    rooms = tmp_path / "rooms"
    rooms.mkdir()
    (tmp_path / ".importlinter").write_text(_CONTRACT)
    for name, text in {"__init__": "", "above": "import rooms.below\n", "below": ""}.items():
        (rooms / f"{name}.py").write_text(text)
    assert _lint(tmp_path).returncode == 0
    (rooms / "below.py").write_text("import rooms.above\n")
    (rooms / "above.py").write_text("")
    run = _lint(tmp_path)
    assert run.returncode == 1
    assert "rooms.below -> rooms.above" in run.stdout


@pytest.mark.skipif(not (ROOT / "gateway/app/wiring.py").exists(), reason="nothing is served before it is wired")
def test_serving_loads_nothing_of_the_training_stack() -> None:
    loaded = _imported_by(_ENTRY, ROOT) & TRAINING_STACK
    assert not loaded, f"{_ENTRY} loads {sorted(loaded)}; find who with: python -X importtime -c 'import {_ENTRY}'"


def test_a_module_that_is_loaded_is_seen(tmp_path: Path) -> None:
    (tmp_path / "outer.py").write_text("import inner\n")
    (tmp_path / "inner.py").write_text("")
    assert {"outer", "inner"} <= _imported_by("outer", tmp_path)
