"""Makes the dashboards' JSON from the code: `python -m deploy.grafana --write [--runbooks URL]`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.grafana.board import RUNBOOKS_AT, Board, to_json
from deploy.grafana.cache import CACHE
from deploy.grafana.internals import INTERNALS
from deploy.grafana.overview import OVERVIEW
from deploy.grafana.quality import QUALITY
from deploy.grafana.tenants import TENANTS
from deploy.grafana.tiers import TIERS

BOARDS: Final[Sequence[Board]] = (OVERVIEW, TIERS, QUALITY, CACHE, TENANTS, INTERNALS)
FOLDER: Final = Path("deploy/grafana/dashboards")
COMMAND: Final = "python -m deploy.grafana --write"


def render(runbooks_at: str = RUNBOOKS_AT) -> Mapping[str, str]:
    """Return every dashboard's JSON, by the name of its file."""
    return {f"{board.uid}.json": to_json(board, runbooks_at) for board in BOARDS}


def main(arguments: Sequence[str]) -> int:
    """Write the dashboards to their place below the working directory, or tell which are out of date there."""
    parser = argparse.ArgumentParser(prog="python -m deploy.grafana", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write to {FOLDER}")
    parser.add_argument("--runbooks", default=RUNBOOKS_AT, help="where deploy/runbooks can be read, without a slash")
    given = parser.parse_args(arguments)
    stale = 0
    for name, text in render(given.runbooks).items():
        file = FOLDER / name
        if given.write:
            file.write_text(text, encoding="utf-8")
        elif not file.is_file() or file.read_text(encoding="utf-8") != text:
            sys.stdout.write(f"{file} is out of date; renew it: {COMMAND}\n")
            stale += 1
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
