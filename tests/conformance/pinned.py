"""The Python clients for the gate: two environments, pinned by hash down to the last dependency.

    python -m tests.conformance.pinned --install         # once; the tests of the mark `clients` run from then on
    python -m tests.conformance.pinned --list openai_3   # what is compiled into requirements/openai_3.txt

`python -m tests.conformance` gives each client an environment of its own, with what its resolver finds today.
"""

import argparse
import sys
from pathlib import Path

from tests.conformance.clients import CLIENTS, OPENAI_2, OPENAI_3, SCRIPTS, Client
from tests.conformance.environments import KEPT, CannotInstall, has_pinned, pinned_environment

REQUIREMENTS = Path(__file__).parent / "requirements"
ENVIRONMENTS = (OPENAI_3, OPENAI_2)
COMMAND = "python -m tests.conformance.pinned --install"


def packages(environment: str) -> list[str]:
    """Return what the clients of an environment are pinned to."""
    return sorted({package for client in CLIENTS if client.pinned == environment for package in client.packages})


def command(client: Client, kept: Path = KEPT) -> list[str] | None:
    """Return the command that asks with a client, less its argument; None where that is not installed."""
    folder = kept / client.pinned
    if not has_pinned(folder, REQUIREMENTS / f"{client.pinned}.txt"):
        return None
    return [str(folder / "bin" / "python"), str(SCRIPTS / client.script)]


def main() -> int:
    """Install, or list."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.pinned",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--install", action="store_true", help=f"into {KEPT}")
    what.add_argument("--list", choices=ENVIRONMENTS, help="an environment's packages")
    given = parser.parse_args()
    if given.list:
        sys.stdout.write("".join(f"{package}\n" for package in packages(given.list)))
        return 0
    try:
        for name in ENVIRONMENTS:
            pinned_environment(KEPT / name, REQUIREMENTS / f"{name}.txt")
    except CannotInstall as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
