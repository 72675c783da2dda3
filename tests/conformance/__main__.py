"""Other people's clients against the gateway: `python -m tests.conformance [--clients A,B] [--keep-envs]`."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.conformance.clients import CLIENTS, Client, Finding, ask, install
from tests.conformance.environments import CannotInstall
from tests.conformance.serving import gateway_and_server

KEPT = Path.home() / ".cache" / "tiergate-conformance"
"""Where environments lie that are kept for the next run."""


def main() -> int:
    """Ask with every client; print one table. Return 1 when any of them found a fault."""
    given = _arguments()
    chosen = [client for client in CLIENTS if client.name in given.clients.split(",")]
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as folder, gateway_and_server(Path(folder)) as served:
        for client in chosen:
            with _environment(client, keep=given.keep_envs) as place:
                findings.append(_find(client, place, served.gateway_url))
    Console(width=120).print(table(findings))
    for finding in findings:
        for fault in finding.faults:
            sys.stdout.write(f"{finding.client.name}: {fault}\n")
    return 1 if any(finding.faults for finding in findings) else 0


def table(findings: Sequence[Finding]) -> Table:
    """Lay the findings out, one client a row."""
    told = Table("client", "version", "complete", "stream", "unknown model", "result")
    for finding in findings:
        version = finding.client.packages[0].rpartition("=" if "==" in finding.client.packages[0] else "@")[2]
        result = "fault" if finding.faults else "ok"
        told.add_row(finding.client.name, version, finding.complete, finding.stream, finding.error, result)
    return told


def _find(client: Client, place: Path, base_url: str) -> Finding:
    try:
        return ask(client, install(client, place), base_url)
    except CannotInstall as problem:
        return Finding(client, "-", "-", "-", (f"could not be installed: {problem}",))


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
