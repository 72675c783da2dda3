"""Other people's clients against the gateway: `python -m tests.conformance [--clients A,B] [--keep-envs]`."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.conformance.clients import CLIENTS, Client
from tests.conformance.environments import KEPT
from tests.conformance.finding import find, ours
from tests.conformance.judging import COLUMNS, Finding
from tests.conformance.serving import gateway_and_server

TABLE_WIDTH = 180


def main() -> int:
    """Ask with every client; print one table. Return 1 when any of them found a fault of the gateway."""
    given = _arguments()
    chosen = [client for client in CLIENTS if client.name in given.clients.split(",")]
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as folder, gateway_and_server(Path(folder)) as served:
        for client in chosen:
            with _environment(client, keep=given.keep_envs) as place:
                findings += find(client, place, served)
    Console(width=TABLE_WIDTH).print(table(findings))
    for finding in findings:
        for fault in finding.faults.values():
            sys.stdout.write(f"{finding.client.name}, {finding.door}: {fault}\n")
    return 1 if ours(findings) else 0


def table(findings: Sequence[Finding]) -> Table:
    """Lay the findings out, one client at one door a row."""
    told = Table(box=box.SIMPLE_HEAD, padding=0)
    for heading in ("client", "version", "asked", *COLUMNS):
        told.add_column(heading + " ", no_wrap=True)
    last = ""
    for finding in findings:
        is_first = finding.client.name != last
        last = finding.client.name
        name, version = (last, finding.client.version) if is_first else ("", "")
        told.add_row(name, version, finding.door, *finding.cells.values())
    return told


@contextmanager
def _environment(client: Client, *, keep: bool) -> Iterator[Path]:
    if keep:
        yield KEPT / client.name
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / client.name


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    names = ",".join(client.name for client in CLIENTS)
    parser.add_argument("--clients", default=names, help=f"which, with commas between; all are {names}")
    parser.add_argument("--keep-envs", action="store_true", help=f"keep the environments below {KEPT} for the next run")
    given = parser.parse_args()
    unknown = set(given.clients.split(",")) - set(names.split(","))
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {names}")
    return given


if __name__ == "__main__":
    sys.exit(main())
