"""Asks with a client at the doors, and says whose the faults are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.conformance.asking import Answered, ask
from tests.conformance.clients import Client, install
from tests.conformance.environments import CannotInstall
from tests.conformance.judging import Finding, Seen, judge
from tests.conformance.serving import Door, Served


def find(client: Client, place: Path, served: Served) -> list[Finding]:
    """Ask with one client at every door that differs for it, the bare server's first."""
    doors = [served.bare, served.gateway, *(() if client.words.is_chat else (served.same_api,))]
    try:
        command = install(client, place)
    except CannotInstall as problem:
        failed = Answered({}, f"could not be installed: {problem}")
        return [judge(client, door.name, failed, Seen((), (), None)) for door in doors]
    return [find_at(door, client, command, served) for door in doors]


def find_at(door: Door, client: Client, command: Sequence[str], served: Served) -> Finding:
    """Ask at one door with a client that is installed."""
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
