"""Packages of Debian and its like, unpacked into a folder: no root, and nothing on the machine changes."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.environments import INSTALL_LIMIT_S, CannotInstall


def unpack(package: str, place: Path, *, with_what_it_needs: bool = False) -> None:
    """Unpack a package into the folder, on demand with those that it needs and this machine lacks.

    Raises CannotInstall, which says what to do instead.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise CannotInstall(f"no apt-get here: install {package} as this machine does")
    with tempfile.TemporaryDirectory() as folder:
        options: Sequence[str] = ()
        if not _fetch([package], Path(folder), options):
            # The machine's lists are missing or old, and only root may renew them: these are our own.
            options = ("-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache")
            (Path(folder) / "lists/partial").mkdir(parents=True)
            (Path(folder) / "cache/archives/partial").mkdir(parents=True)
            _run(["apt-get", *options, "update", "-qq"], Path(folder))
            if not _fetch([package], Path(folder), options):
                raise CannotInstall(f"apt-get knows no package `{package}`")
        if with_what_it_needs and not _fetch(_needed(package, Path(folder), options), Path(folder), options):
            raise CannotInstall(f"apt-get cannot fetch what `{package}` needs")
        for archive in sorted(Path(folder).glob("*.deb")):
            _run(["dpkg-deb", "-x", str(archive), str(place)], Path(folder))


def _needed(package: str, folder: Path, options: Sequence[str]) -> list[str]:
    """Return the names of the packages that an installation would bring."""
    said = _run(["apt-get", *options, "install", "--simulate", "--no-install-recommends", package], folder)
    return [line.split()[1] for line in said.splitlines() if line.startswith("Inst ")]


def _fetch(packages: Sequence[str], folder: Path, options: Sequence[str]) -> bool:
    command = ["apt-get", *options, "download", "-qq", *packages]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=INSTALL_LIMIT_S)
    return done.returncode == 0 and any(folder.glob("*.deb"))


def _run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_LIMIT_S)
    if done.returncode != 0:
        raise CannotInstall(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    return done.stdout
