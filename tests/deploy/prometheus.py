"""A real Prometheus, with promtool, installed without root.

    python -m tests.deploy.prometheus --install    # once; the tests of the mark `prometheus` run from then on

On Debian and its like the distribution's package is unpacked into a cache folder: 20 MB to fetch, 95 MB on disk. No
other way without root is known that needs neither a download from a website nor a compiler, so elsewhere `prometheus`
and `promtool`, of 2.42 or later, must be on the PATH.
"""

import argparse
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.environments import KEPT, CannotInstall
from tests.support.debian import unpack

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
    unpack("prometheus", PLACE)
    found = tools()
    if found is None:
        raise CannotInstall(f"the package holds no prometheus and promtool: look into {PLACE}")
    return found


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
