"""Other people's clients against the gateway: `python -m tests.conformance [--clients A,B] [--keep-envs]`."""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.conformance.asking import Answered, ask
from tests.conformance.clients import CLIENTS, Client, install
from tests.conformance.environments import KEPT, CannotInstall
from tests.conformance.judging import COLUMNS, Finding, Seen, judge
from tests.conformance.serving import Door, Served, gateway_and_server

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


def find(client: Client, place: Path, served: Served) -> list[Finding]:
    """Ask with one client at every door that differs for it, the bare server's first."""
    doors = [served.bare, served.gateway, *(() if client.words.is_chat else (served.same_api,))]
    try:
        command = install(client, place)
    except CannotInstall as problem:
        failed = Answered({}, f"could not be installed: {problem}")
        return [judge(client, door.name, failed, Seen((), (), None)) for door in doors]
    return [_asked(client, command, door, served) for door in doors]


def _asked(client: Client, command: Sequence[str], door: Door, served: Served) -> Finding:
    before = {model: len(served.scripted.requests(model)) for model in ("drips", "busy-first")}
    answered = ask(command, door)
    dripped, turned_away = (served.scripted.requests(model)[count:] for model, count in before.items())
    outcome = None
    if door.has_receipts and dripped:
        outcome = served.outcome(dripped[0]["headers"]["x-request-id"])
    return judge(client, door.name, answered, Seen(dripped, turned_away, outcome))


def ours(findings: Sequence[Finding]) -> Mapping[str, Sequence[str]]:
    """Return what is at fault with the gateway, by client.

    What goes to a server in its own API comes back as it said it, and so may be what the bare server does too.
    """
    bare = {finding.client.name: finding.faults.keys() for finding in findings if finding.door == Served.BARE}
    found: dict[str, list[str]] = {}
    for finding in findings:
        name = finding.client.name
        excused = bare[name] if finding.door == Served.SAME_API else ()
        faults = [name for name in finding.faults if name not in excused]
        if finding.door != Served.BARE and faults:
            found.setdefault(name, []).extend(faults)
    return found


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
