"""`tiergate policy`: check, explain and compare policies; write their schema and reference."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from gateway.app.cli_output import EXIT_OK, EXIT_PROBLEMS, EXIT_USAGE, output, print_json, say, stop
from gateway.app.cli_policy_words import check_document, explain_document, print_explained, summary, warnings_of
from gateway.app.policy_in_force import Compile
from gateway.app.policy_reading import compiler, forgiving_secrets, read_artefact, read_source
from gateway.app.settings import EXIT_CANNOT_START, CannotStart
from gateway.policy.diff import diff
from gateway.policy.problems import Problem, render
from gateway.policy.reference import json_schema, write_reference
from gateway.policy.snapshot import PolicySnapshot

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Artefacts: TypeAlias = Annotated[Path | None, typer.Option(help="The directory of the difficulty model.")]
PolicyFile: TypeAlias = Annotated[Path, typer.Argument(help="A policy file.", metavar="FILE", show_default=False)]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Check, explain and compare policies; write their schema.",
    epilog="Example:\n  tiergate policy check policies/*.yaml",
)


@app.command(epilog="Example:\n  tiergate policy check policies/*.yaml --no-secrets --json")
def check(
    files: Annotated[list[Path], typer.Argument(help="Policy files.", metavar="FILE...", show_default=False)],
    no_secrets: Annotated[
        bool, typer.Option("--no-secrets", help="Pass over secrets that are not here, as where code is reviewed.")
    ] = False,
    artefacts: Artefacts = None,
    as_json: AsJson = False,
) -> None:
    """Tell every problem with its place and how to mend it. Exit code 1 when there is one, 2 for an unreadable file."""
    compile_source = _compiler(artefacts, forgiving=no_secrets)
    checked = [(file, _compile(compile_source, file)) for file in files]
    if as_json:
        print_json(check_document(checked))
    else:
        for file, found in checked:
            _tell_checked(file, found)
    raise typer.Exit(EXIT_PROBLEMS if any(isinstance(found, list) for _, found in checked) else EXIT_OK)


def _tell_checked(file: Path, found: PolicySnapshot | list[Problem]) -> None:
    if isinstance(found, list):
        say(render(found))
        return
    say(f"{file}: sound: {summary(found)}")
    for warning in warnings_of(found):
        say(f"{file}: warning: {warning}")


@app.command(epilog="Example:\n  tiergate policy schema > policy.schema.json")
def schema(
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write policy.schema.json and REFERENCE.md there.", file_okay=False, exists=True
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of policies, for editors; or write it, and the reference for people, into a directory."""
    if write is None:
        say(json_schema().rstrip("\n"))
        return
    for path in write_reference(write):
        say(str(path))


@app.command(epilog="Example:\n  tiergate policy explain policies/default.yaml")
def explain(
    file: PolicyFile,
    full: Annotated[bool, typer.Option("--full", help="Every field, defaults too.")] = False,
    artefacts: Artefacts = None,
    as_json: AsJson = False,
) -> None:
    """Say what each tier is taken for, and what each route is expected to do and why. Needs no secrets."""
    snapshot = _sound(_compile(_compiler(artefacts, forgiving=True), file), EXIT_PROBLEMS)
    if as_json:
        print_json(explain_document(snapshot))
    else:
        print_explained(output(), snapshot, full=full)


@app.command(name="diff", epilog="Example:\n  tiergate policy diff old.yaml new.yaml")
def compare(old: PolicyFile, new: PolicyFile, artefacts: Artefacts = None, as_json: AsJson = False) -> None:
    """Say in words what would change. Exit code 0 when nothing does, 1 when something does, 2 on problems."""
    compile_source = _compiler(artefacts, forgiving=True)
    before, after = (_sound(_compile(compile_source, file), EXIT_USAGE) for file in (old, new))
    changes = diff(before, after)
    if as_json:
        print_json({"object": "policy_diff", "old": before.id, "new": after.id, "changes": changes})
    elif changes:
        say("\n".join(changes))
    raise typer.Exit(EXIT_PROBLEMS if changes else EXIT_OK)


def _compiler(artefacts: Path | None, *, forgiving: bool) -> Compile:
    try:
        return compiler(read_artefact(artefacts), forgiving_secrets() if forgiving else None)
    except CannotStart as problem:
        stop(EXIT_CANNOT_START, str(problem))


def _compile(compile_source: Compile, file: Path) -> PolicySnapshot | list[Problem]:
    try:
        return compile_source(read_source(file))
    except CannotStart as problem:
        stop(EXIT_USAGE, str(problem))


def _sound(found: PolicySnapshot | list[Problem], code: int) -> PolicySnapshot:
    """Return the snapshot; tell the problems of a policy that has none, and end."""
    if isinstance(found, list):
        stop(code, render(found))
    return found
