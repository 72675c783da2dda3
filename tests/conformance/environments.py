"""An environment of its own for each client: in a shared one, resolvers drag each other's versions back."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

KEPT = Path.home() / ".cache" / "tiergate-conformance"
"""Where environments lie that are kept for the next run."""
INSTALL_LIMIT_S = 600.0
_READY = "ready"


class CannotInstall(Exception):
    """The environment could not be made. The message holds the end of what the installer said."""


def python_environment(folder: Path, packages: Sequence[str]) -> Path:
    """Make a virtual environment with the packages, unless the folder holds it already; return its interpreter."""
    python = folder / "bin" / "python"
    if not _is_ready(folder, packages):
        if shutil.which("uv"):
            _run(["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
            _run(["uv", "pip", "install", "--quiet", "--python", str(python), *packages])
        else:
            _run([sys.executable, "-m", "venv", "--clear", str(folder)])
            _run([str(python), "-m", "pip", "install", "--quiet", *packages])
        _note_ready(folder, packages)
    return python


def npm_environment(folder: Path, packages: Sequence[str]) -> Path:
    """Install the packages below the folder, unless it holds them already; return the folder."""
    if not _is_ready(folder, packages):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *packages])
        _note_ready(folder, packages)
    return folder


def _is_ready(folder: Path, packages: Sequence[str]) -> bool:
    note = folder / _READY
    return note.is_file() and note.read_text() == " ".join(packages)


def _note_ready(folder: Path, packages: Sequence[str]) -> None:
    (folder / _READY).write_text(" ".join(packages))


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_LIMIT_S)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(str(error)) from error
    if done.returncode != 0:
        raise CannotInstall(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")
