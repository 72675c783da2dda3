"""`tiergate calibrate`: measure a tier with graded probes, and write the calibration that a policy names."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.adapters.clock import SystemClock
from gateway.adapters.secrets import Secrets
from gateway.app.calibrate import (
    MIN_ANSWERS,
    CannotCalibrate,
    Files,
    Plan,
    ask_all,
    conclude,
    files_for,
    find_tier,
    replace_file,
    write,
)
from gateway.app.calibrate_plot import print_calibration
from gateway.app.calibrate_svg import plot as draw
from gateway.app.calibration_document import Calibration, document
from gateway.app.cli_output import EXIT_INTERRUPTED, EXIT_PROBLEMS, EXIT_USAGE, errors, output, print_json, say, stop
from gateway.app.optional_parts import gym_families
from gateway.app.policy_reading import DEFAULT_POLICY, read_artefact
from gateway.app.probe_run import Campaign, Ended, ProbingStopped
from gateway.app.settings import EXIT_CANNOT_START, CannotStart, environment
from gateway.core.probes.plan import FAMILIES, plan
from gateway.core.probes.probe import Family
from gateway.domain.money import USD_NANO_PER_USD, format_usd

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HELP: Final = (
    "Measure how able a tier is: ask its servers a few hundred graded tasks of rising difficulty, and write the "
    "calibration that the policy names as `ability: {calibration: FILE}`.\n\n"
    "Tasks are made and graded by rule; the same seed gives the same ones. Answers are kept as they come, so a run "
    "that ends early is taken up by the same command, and nothing is paid for twice. Calibrate all tiers of a route, "
    "with the same seed: probes are a scale of their own."
)
_EPILOG: Final = "\n".join(
    (
        "Examples:",
        "  tiergate calibrate --tier small --policy policies/default.yaml",
        "  tiergate calibrate --tier large --budget-usd 2 --concurrency 8 --plot large.svg",
        "  tiergate calibrate --tier thinker --max-tokens 8000 --out policies/calibrations/thinker.json",
    )
)

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command(help=_HELP, epilog=_EPILOG)
def calibrate(
    tier: Annotated[str, typer.Option(help="The tier's name in the policy.")],
    policy: Annotated[Path, typer.Option(help="The policy file.")] = DEFAULT_POLICY,
    probes: Annotated[int, typer.Option(help="How many tasks are asked.", min=MIN_ANSWERS, max=5_000)] = 300,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The file to write; the one that the policy names, or calibrations/TIER-MONTH.json beside it."
        ),
    ] = None,
    work: Annotated[Path | None, typer.Option(help="Where answers are kept; beside the file that is written.")] = None,
    seed: Annotated[int, typer.Option(help="Which tasks: take the same for tiers that are to be compared.")] = 1,
    concurrency: Annotated[int, typer.Option(help="Questions asked at once.", min=1, max=64)] = 4,
    max_tokens: Annotated[
        int, typer.Option(help="The longest answer; a model that thinks first needs thousands.", min=16, max=200_000)
    ] = 1_024,
    budget_usd: Annotated[
        float | None, typer.Option(help="Stop before the answers, earlier ones too, could cost more.", min=0.0)
    ] = None,
    gym: Annotated[
        bool, typer.Option("--gym", help="Ask tasks of the library reasoning-gym too (extra `calibrate`).")
    ] = False,
    families: Annotated[
        bool, typer.Option("--families", help="Show every family of tasks, not their kinds alone.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the result into this SVG file.", metavar="FILE.svg")] = None,
    artefacts: Annotated[Path | None, typer.Option(help="The directory of the difficulty model.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Calibrate."""
    if plot is not None and plot.suffix != ".svg":
        stop(EXIT_USAGE, f"--plot {plot}: the drawing is an SVG file, so its name ends in .svg")
    clock = SystemClock()
    try:
        artefact = read_artefact(artefacts)
        found = find_tier(policy, tier, artefact, Secrets(environment()))
        asked: Sequence[Family] = (*FAMILIES, *gym_families()) if gym else FAMILIES
    except CannotStart as problem:
        stop(EXIT_CANNOT_START, str(problem))
    except CannotCalibrate as problem:
        stop(EXIT_USAGE, str(problem))
    budget_usd_nano = None if budget_usd is None else int(Decimal(str(budget_usd)) * USD_NANO_PER_USD)
    run = Plan(found, plan(seed, probes, asked), seed, gym, max_tokens, concurrency, budget_usd_nano)
    files = files_for(found, policy, out, work, clock.wall_s())
    try:
        campaign = _ask(run, files, clock)
        calibration = conclude(run, campaign, artefact, clock.wall_s())
        write(calibration, artefact, files.out)
        if plot is not None:
            replace_file(plot, draw(calibration))
    except (CannotCalibrate, ProbingStopped) as problem:
        stop(EXIT_PROBLEMS, f"{problem}.{_kept(files)}")
    if as_json:
        print_json(document(calibration, artefact))
        return
    print_calibration(output(), calibration, artefact.catalogue, families=families)
    _tell(calibration, campaign, files, policy)


def _ask(run: Plan, files: Files, clock: SystemClock) -> Campaign:
    """Ask under a progress bar; Ctrl-C ends the command, and keeps what was answered."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[spent]}"),
    )
    with Progress(*columns, console=errors(), transient=True) as progress:
        shown = progress.add_task(f"probing {run.tier.name}", total=len(run.probes), spent="")

        def tell(campaign: Campaign) -> None:
            done = len(campaign.answered) + campaign.passed_over
            progress.update(shown, completed=done, spent=f"${format_usd(campaign.spent_usd_nano)}")

        try:
            return asyncio.run(_until_told(run, files, clock, tell))
        except asyncio.CancelledError:
            stop(EXIT_INTERRUPTED, f"Ended before it was done.{_kept(files)}")


async def _until_told(run: Plan, files: Files, clock: SystemClock, tell: Callable[[Campaign], object]) -> Campaign:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    for number in _ENDING:
        loop.add_signal_handler(number, task.cancel)
    return await ask_all(run, files.work, clock, tell)


def _kept(files: Files) -> str:
    if not files.work.exists():
        return ""
    return f"\nThe answers so far are kept in {files.work}; the same command goes on from there."


def _tell(calibration: Calibration, campaign: Campaign, files: Files, policy: Path) -> None:
    asked, cut = len(calibration.answers), calibration.cut
    if campaign.ended is Ended.BUDGET:
        say(f"\nThe budget ended it after {asked} of {len(campaign.probes)} probes.")
    if campaign.passed_over:
        say(f"\n{campaign.passed_over} probes went unanswered; the last time: {campaign.last_fault}")
    if 10 * cut > asked:
        say(f"\n{cut} of {asked} answers were cut at --max-tokens, and a cut answer is rarely right: raise it.")
    name = os.path.relpath(files.out, policy.parent)
    if campaign.tier.ability.calibration == name:
        say(f"\nWritten to {files.out}, which {policy} names already.")
        return
    say(f"\nWritten to {files.out}. Name it in {policy}, at tiers.{calibration.tier.name}:")
    say(f"    ability: {{calibration: {name}}}")
