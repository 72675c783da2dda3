"""An environment of its own for each client: in a shared one, resolvers drag each other's versions back."""

import hashlib
import os
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
    return _python_environment(folder, packages, " ".join(packages))


def pinned_environment(folder: Path, requirements: Path) -> Path:
    """Make a virtual environment of a requirement file with hashes, unless it is there; return its interpreter."""
    arguments = ["--require-hashes", "--requirement", str(requirements)]
    return _python_environment(folder, arguments, _digest(requirements))


def has_pinned(folder: Path, requirements: Path) -> bool:
    """Tell whether the folder holds the environment of the file as it is now."""
    return _is_ready(folder, _digest(requirements))


def _python_environment(folder: Path, arguments: Sequence[str], holds: str) -> Path:
    python = folder / "bin" / "python"
    if not _is_ready(folder, holds):
        uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
        if uv:
            _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
            _run([uv, "pip", "install", "--quiet", "--python", str(python), *arguments])
        else:
            _run([sys.executable, "-m", "venv", "--clear", str(folder)])
            _run([str(python), "-m", "pip", "install", "--quiet", *arguments])
        _note_ready(folder, holds)
    return python


def npm_environment(folder: Path, packages: Sequence[str]) -> Path:
    """Install the packages below the folder, unless it holds them already; return the folder."""
    holds = " ".join(packages)
    if not _is_ready(folder, holds):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *packages])
        _note_ready(folder, holds)
    return folder


def _is_ready(folder: Path, holds: str) -> bool:
    note = folder / _READY
    return note.is_file() and note.read_text() == holds


def _note_ready(folder: Path, holds: str) -> None:
    (folder / _READY).write_text(holds)


def _digest(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_LIMIT_S)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(str(error)) from error
    if done.returncode != 0:
        raise CannotInstall(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")
