"""Look at the console in a real browser, under load: light, dark, on a phone, and by keyboard alone.

    python -m tests.console --shots FOLDER

Needs no root: Chromium is the machine's own, or Debian's package unpacked into a cache folder (some 120 MB to fetch),
and what steers it has an environment of its own. Prints what was found; 1 where something is at fault.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.conformance.environments import CannotInstall
from tests.console.browser import Browser, browser
from tests.console.stage import stage

SCRIPT: Final = Path(__file__).parent / "scripts" / "look.py"
_LIMIT_S: Final = 420.0


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.console", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shots", type=Path, required=True, metavar="FOLDER", help="where the pictures go")
    shots: Path = parser.parse_args().shots
    shots.mkdir(parents=True, exist_ok=True)
    try:
        seen_by = browser()
    except CannotInstall as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder)) as here:
        faults = look(seen_by, here.console, shots, here.policy)
    sys.stdout.write("\n".join([*faults, f"{len(faults)} faults; pictures in {shots}", ""]))
    return 1 if faults else 0


def look(seen_by: Browser, console: str, shots: Path, policy: Path) -> Sequence[str]:
    """Let the browser look at everything; return what is at fault."""
    command = [str(each) for each in (seen_by.python, SCRIPT, seen_by.program, console, shots, policy)]
    done = subprocess.run(
        command, env=seen_by.environ, stdout=subprocess.PIPE, text=True, check=False, timeout=_LIMIT_S
    )
    if done.returncode != 0:
        return [f"the script ended with {done.returncode}"]
    faults: list[str] = json.loads(done.stdout)
    return faults


if __name__ == "__main__":
    sys.exit(main())
