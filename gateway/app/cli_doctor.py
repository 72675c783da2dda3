"""`tiergate doctor`: look at this machine and at what the policy names, and say how to mend what is wrong."""

import asyncio
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from gateway.adapters.clock import SystemClock
from gateway.app.cli_output import EXIT_PROBLEMS, output, print_json, stop
from gateway.app.cli_settings import taking_settings
from gateway.app.doctor import (
    Finding,
    Level,
    difficulty_model,
    event_loop,
    exposure,
    extras,
    open_files,
    policy,
    port,
    versions,
)
from gateway.app.doctor_network import endpoints, is_tiergate, redis
from gateway.app.doctor_scorers import scorers
from gateway.app.doctor_semantic import semantic_index
from gateway.app.settings import EXIT_CANNOT_START, CannotStart, Settings, environment, read_settings

_STYLES: Final = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}
_SHOWN: Final = ("policy", "host", "port", "workers", "redis_url", "semantic_index", "artefacts")
_HELP: Final = (
    "Look at this machine, and at what the policy names: versions, event loop, difficulty model, policy, Redis, "
    "model servers, scorers, port, limits, extras. Exit code 1 when something keeps the gateway from working."
)

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command(help=_HELP, epilog="Example:\n  tiergate doctor --policy policies/default.yaml")
@taking_settings(*_SHOWN)
def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False, **given: str | None
) -> None:
    """Examine everything and report."""
    try:
        settings = read_settings(environment(), given)
    except CannotStart as problem:
        stop(EXIT_CANNOT_START, str(problem))
    findings: list[Finding] = []
    for finding in examine(settings):
        findings.append(finding)
        if not as_json:
            print_finding(output(), finding)
    if as_json:
        print_json(document(findings))
    if any(finding.level is Level.FAIL for finding in findings):
        raise typer.Exit(EXIT_PROBLEMS)


def examine(settings: Settings) -> Iterator[Finding]:
    """Examine one thing after the other, what the others need first."""
    clock = SystemClock()
    yield from versions()
    yield from event_loop()
    model, artefact = difficulty_model(settings.artefacts)
    yield model
    if artefact is not None:
        compiled, snapshot = policy(settings.policy, artefact)
        yield compiled
        if snapshot is not None:
            yield from exposure(settings, snapshot)
            yield from asyncio.run(endpoints(snapshot, clock))
            yield from asyncio.run(scorers(snapshot, artefact, clock))
    yield asyncio.run(redis(settings, clock))
    yield from asyncio.run(semantic_index(settings, clock))
    yield port(settings, partial(is_tiergate, settings.host, settings.port))
    yield open_files()
    yield from extras()


def print_finding(console: Console, finding: Finding) -> None:
    """Print a finding, and below it how to mend it."""
    line = Text()
    line.append(f"{finding.level:<4}", style=_STYLES[finding.level])
    line.append(f"  {finding.subject}: {finding.what}")
    console.print(line, soft_wrap=True)
    if finding.mend:
        console.print(f"      to mend it: {finding.mend}", soft_wrap=True)


def document(findings: Iterable[Finding]) -> dict[str, object]:
    """Write the report as a document for scripts."""
    told = [
        {"subject": finding.subject, "level": finding.level.value, "what": finding.what, "mend": finding.mend}
        for finding in findings
    ]
    return {"object": "doctor", "sound": all(entry["level"] != Level.FAIL for entry in told), "findings": told}
