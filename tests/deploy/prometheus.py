"""A real Prometheus, with promtool, installed without root.

    python -m tests.deploy.prometheus --install    # once; the tests of the mark `prometheus` run from then on

On Debian and its like the distribution's package is unpacked into a cache folder: 20 MB to fetch, 95 MB on disk. No
other way without root is known that needs neither a download from a website nor a compiler, so elsewhere `prometheus`
and `promtool`, of 2.42 or later, must be on the PATH.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.__main__ import KEPT
from tests.conformance.environments import INSTALL_LIMIT_S, CannotInstall

PLACE = KEPT / "prometheus"
COMMAND = "python -m tests.deploy.prometheus --install"


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the two programs are."""

    prometheus: Path
    promtool: Path


def tools() -> Tools | None:
    """Find them: what was installed here, or on the PATH."""
    here = Tools(PLACE / "usr/bin/prometheus", PLACE / "usr/bin/promtool")
    if here.prometheus.is_file() and here.promtool.is_file():
        return here
    server, tool = shutil.which("prometheus"), shutil.which("promtool")
    return Tools(Path(server), Path(tool)) if server and tool else None


def install() -> Tools:
    """Unpack the distribution's package into the cache folder. Raises CannotInstall, which says what to do instead."""
    if found := tools():
        return found
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise CannotInstall("no apt-get here: put prometheus and promtool, 2.42 or later, on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        if not _fetch(Path(folder), ()):
            # The machine's lists are missing or old, and only root may renew them: these are our own.
            own = ("-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache")
            (Path(folder) / "lists/partial").mkdir(parents=True)
            (Path(folder) / "cache/archives/partial").mkdir(parents=True)
            _run(["apt-get", *own, "update", "-qq"], Path(folder))
            if not _fetch(Path(folder), own):
                raise CannotInstall("apt-get knows no package `prometheus`")
        (package,) = Path(folder).glob("prometheus_*.deb")
        _run(["dpkg-deb", "-x", str(package), str(PLACE)], Path(folder))
    found = tools()
    if found is None:
        raise CannotInstall(f"the package holds no prometheus and promtool: look into {PLACE}")
    return found


def _fetch(folder: Path, options: Sequence[str]) -> bool:
    command = ["apt-get", *options, "download", "-qq", "prometheus"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=INSTALL_LIMIT_S)
    return done.returncode == 0 and any(folder.glob("prometheus_*.deb"))


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_LIMIT_S)
    if done.returncode != 0:
        raise CannotInstall(f"{' '.join(command)}\n{done.stderr[-2000:]}")


def main() -> int:
    """Install it, and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m tests.deploy.prometheus", description=__doc__.splitlines()[0])
    parser.add_argument("--install", action="store_true", required=True, help="unpack it into the cache folder")
    parser.parse_args()
    try:
        sys.stdout.write(json.dumps({"prometheus": str(install().prometheus)}) + "\n")
    except CannotInstall as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
