"""`tiergate serve`: check the policy, serve, and say where."""

import json
from typing import Final

import typer

from gateway.app.cli_output import stop
from gateway.app.cli_settings import taking_settings
from gateway.app.policy_reading import read_artefact, read_policy
from gateway.app.serve import serve
from gateway.app.settings import EXIT_CANNOT_START, CannotStart, Settings, environment, read_settings
from gateway.domain.ids import ModelAlias
from gateway.policy.snapshot import PolicySnapshot

FACTORY: Final = "gateway.app.wiring:make_service"

_HELP: Final = (
    "Serve the gateway until SIGTERM or Ctrl-C.\n\n"
    "Each option can be given as an environment variable too; the option wins. Request log lines, one JSON object "
    "each, go to standard output, everything else to standard error. The policy file is watched: a good edit is in "
    "force within a second or two, a bad one changes nothing and is told in the log and at /admin/policy."
)
_EPILOG: Final = "\n".join(
    (
        "Examples:",
        "  tiergate serve --policy policies/default.yaml",
        "  tiergate serve --host 0.0.0.0 --workers 4 --redis-url redis://localhost:6379/0",
    )
)


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command(help=_HELP, epilog=_EPILOG)
@taking_settings()
def run(**given: str | None) -> None:
    """Serve; end with the exit code."""
    try:
        settings = read_settings(environment(), given)
        # Once here, so that what is wrong with a policy is told once, not by each worker.
        snapshot = read_policy(settings, read_artefact(settings.artefacts)).snapshot
    except CannotStart as problem:
        stop(EXIT_CANNOT_START, str(problem))

    def announce(base_url: str) -> None:
        typer.echo(greeting(base_url, settings, snapshot), err=True)

    raise typer.Exit(serve(settings, FACTORY, announce=announce))


def greeting(base_url: str, settings: Settings, snapshot: PolicySnapshot) -> str:
    """Say where the gateway is, who may use it, and a first request to paste."""
    workers = f", {settings.workers} workers" if settings.workers > 1 else ""
    access = "open: loopback only" if snapshot.is_open else f"{len(snapshot.keys)} keys"
    body = {"model": _first_model(snapshot), "messages": [{"role": "user", "content": "Hello"}]}
    key = "" if snapshot.is_open else " -H 'authorization: Bearer YOUR-KEY'"
    return (
        f"Tiergate serves {base_url} (policy {settings.policy}, {access}{workers}); try:\n"
        f"curl {base_url}/chat/completions{key} -H 'content-type: application/json' -d '{json.dumps(body)}'"
    )


def _first_model(snapshot: PolicySnapshot) -> ModelAlias:
    """Name `auto` where there is one, else the first alias that a difficulty decides."""
    routed = [alias for alias, target in snapshot.aliases.items() if target.tier is None]
    known = [*routed, *snapshot.aliases]
    return ModelAlias("auto") if "auto" in snapshot.aliases else known[0]
