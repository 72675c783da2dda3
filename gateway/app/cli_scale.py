"""`tiergate scale`: find what the answers of a System One server mean, before it may score."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic_core import PydanticCustomError

from gateway.adapters.secrets import Secrets
from gateway.adapters.systemone_http import SystemOneServer
from gateway.adapters.upstream_lean import LeanTransport
from gateway.app.calibrate import MIN_ANSWERS, CannotCalibrate
from gateway.app.cli_output import EXIT_PROBLEMS, EXIT_USAGE, print_json, say, stop
from gateway.app.optional_parts import gym_families
from gateway.app.policy_reading import DEFAULT_POLICY, read_artefact
from gateway.app.scale import Found, calibrated_tiers, find_scale, graded
from gateway.app.settings import EXIT_CANNOT_START, CannotStart, environment
from gateway.core.probes.plan import FAMILIES, plan
from gateway.core.probes.probe import Family
from gateway.domain.remote_model import SystemOneModel
from gateway.domain.tier import Secret
from gateway.policy.schema_classifier import check_decider

_HELP = (
    "Find the scale of a System One server, which the policy needs as `classifier: {systemone: {scale: …}}`.\n\n"
    "The server is asked how hard the probes are that `tiergate calibrate` has put to tiers, and the scale is the one "
    "under which the tiers' graded answers are likeliest. No tier is asked. Give the --seed, --probes and --gym that "
    "the tiers were calibrated with."
)
_EPILOG = "\n".join(
    (
        "Examples:",
        "  tiergate scale --url http://decider:8000/v1 --model laya --tier small --tier large",
        "  tiergate scale --url https://api.example.com/v1 --model jev --api-key env:JEV_KEY --tier small",
    )
)

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command(help=_HELP, epilog=_EPILOG)
def scale(
    url: Annotated[str, typer.Option(help="The server's base URL, up to `/systemone`.")],
    model: Annotated[str, typer.Option(help="The model's name on the server.")],
    tier: Annotated[list[str], typer.Option(help="A tier that was calibrated; several give a surer scale.")],
    policy: Annotated[Path, typer.Option(help="The policy file.")] = DEFAULT_POLICY,
    api_key: Annotated[
        str | None, typer.Option(help="The server's key, as `env:NAME` or `file:/path`.", metavar="REFERENCE")
    ] = None,
    probes: Annotated[int, typer.Option(help="How many tasks were asked.", min=MIN_ANSWERS, max=5_000)] = 300,
    seed: Annotated[int, typer.Option(help="Which tasks were asked.")] = 1,
    gym: Annotated[bool, typer.Option("--gym", help="Tasks of the library reasoning-gym were asked too.")] = False,
    artefacts: Annotated[Path | None, typer.Option(help="The directory of the difficulty model.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Find the scale."""
    try:
        decider = SystemOneModel(check_decider(url), model, 1.0, 0.0, _key(api_key))
    except PydanticCustomError as error:
        hint = (error.context or {}).get("hint")
        stop(EXIT_USAGE, f"--url {url}: expected {error}" + (f"; {hint}" if hint else ""))
    try:
        artefact = read_artefact(artefacts)
        families: Sequence[Family] = (*FAMILIES, *gym_families()) if gym else FAMILIES
    except CannotStart as problem:
        stop(EXIT_CANNOT_START, str(problem))
    asked = plan(seed, probes, families)
    try:
        answered = [graded(each, policy, asked) for each in calibrated_tiers(policy, tier, artefact)]
    except CannotCalibrate as problem:
        stop(EXIT_USAGE, str(problem))

    async def ask() -> Found:
        transport = LeanTransport()
        try:
            return await find_scale(SystemOneServer(decider, transport), answered, asked, artefact)
        finally:
            await transport.aclose()

    try:
        found = asyncio.run(ask())
    except CannotCalibrate as problem:
        stop(EXIT_PROBLEMS, str(problem))
    if as_json:
        fitted = found.scale
        losses = {"log_loss": fitted.loss, "flat_log_loss": fitted.flat_loss, "own_log_loss": found.own_loss}
        print_json({"slope": fitted.slope, "offset": fitted.offset, "answers": found.answers, **losses})
        return
    _tell(decider, found)


def _key(reference: str | None) -> Secret | None:
    if reference is None:
        return None
    found = Secrets(environment())(reference)
    if isinstance(found, str):
        stop(EXIT_USAGE, f"--api-key {reference}: {found}")
    return found


def _tell(decider: SystemOneModel, found: Found) -> None:
    fitted = found.scale
    say(
        f"Over {found.answers} graded answers its word has a log loss of {fitted.loss:.3f}; if it told the same of all "
        f"questions it were {fitted.flat_loss:.3f}, and this gateway's own static stage has {found.own_loss:.3f}."
    )
    if fitted.loss >= found.own_loss:
        say("So it knows less of these questions than `scorer: static` does, which costs nothing.")
    say("\nFor the policy:\n")
    say("classifier:")
    say(f'  systemone: {{url: "{decider.base_url}", model: {decider.model},')
    say(f"              scale: {{slope: {fitted.slope:.3f}, offset: {fitted.offset:.3f}}}}}")
