"""Measure one tier: find its servers, ask the probes, fit, write. What is shown is `cli_calibrate`'s business."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.adapters.answers_file import AnswersFile, AnswersFileError
from gateway.adapters.artefact import Artefact
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.adapters.upstream_httpx import HttpxTransport
from gateway.adapters.upstream_lean import LeanTransport
from gateway.app.calibration_document import Calibration, written
from gateway.app.policy_reading import SecretLookup, compiler, read_source
from gateway.app.probe_run import Campaign
from gateway.app.settings import CannotStart
from gateway.core.ability_measure import ScoredAnswer, measure
from gateway.core.probes.probe import Probe
from gateway.core.probes.reading import without_thinking
from gateway.core.reliability import GradedAnswer
from gateway.domain.ids import TierName
from gateway.domain.tier import Secret, Tier
from gateway.policy.problems import did_you_mean, render
from gateway.ports import Clock

MIN_ANSWERS: Final = 30
"""Below it the references that are the prior say more of the tier than its own answers do."""
MOST_CONNECTIONS: Final = 64


class CannotCalibrate(Exception):
    """There is nothing to write. The message says why, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Files:
    """Where the calibration goes, and the answers to the probes."""

    out: Path
    work: Path


def find_tier(policy: Path, name: str, artefact: Artefact, secrets: SecretLookup) -> Tier:
    """Return a tier of a policy, with the keys of its own servers. Raises CannotCalibrate.

    Other tiers' secrets and calibrations need not be there: calibrations are what is made here.
    """
    missing: dict[Secret, str] = {}

    def find(reference: str) -> Secret | str:
        found = secrets(reference)
        if isinstance(found, str):
            stand_in = Secret(reference)
            missing[stand_in] = f"{reference}: {found}"
            return stand_in
        return found

    try:
        compiled = compiler(artefact, find, with_calibrations=False)(read_source(policy))
    except CannotStart as problem:
        raise CannotCalibrate(str(problem)) from problem
    if isinstance(compiled, list):
        raise CannotCalibrate(f"The policy has problems:\n{render(compiled)}")
    tier = compiled.tiers.get(TierName(name))
    if tier is None:
        raise CannotCalibrate(f"{policy} has no tier `{name}`: {did_you_mean(name, compiled.tiers)}")
    for endpoint in tier.endpoints:
        if endpoint.api_key in missing:
            raise CannotCalibrate(f"{policy}: the key of {endpoint.base_url}, {missing[endpoint.api_key]}")
    return tier


def files_for(tier: Tier, policy: Path, out: Path | None, work: Path | None, wall_s: float) -> Files:
    """Choose where files go: as told, or to the file that the policy names already, or to one named by the month."""
    if out is None:
        month = datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m")
        out = policy.parent / (tier.ability.calibration or f"calibrations/{tier.name}-{month}.json")
    return Files(out, work or out.with_suffix(".answers.jsonl"))


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run asks, and how."""

    tier: Tier
    probes: Sequence[Probe]
    seed: int
    with_gym: bool
    max_tokens: int
    concurrency: int
    budget_usd_nano: int | None


async def ask_all(plan: Plan, work: Path, clock: Clock, on_progress: Callable[[Campaign], object]) -> Campaign:
    """Ask what was not answered before. Raises ProbingStopped, CannotCalibrate; what was answered is kept."""
    transports = {
        "lean": LeanTransport(max_connections_per_origin=MOST_CONNECTIONS),
        "httpx": HttpxTransport(max_connections=MOST_CONNECTIONS),
    }
    try:
        with AnswersFile(work, plan.tier.model) as answers:
            campaign = Campaign(
                tier=plan.tier,
                probes=plan.probes,
                answers=answers,
                transports=transports,
                clock=clock,
                pause=asyncio.sleep,
                max_tokens=plan.max_tokens,
                concurrency=plan.concurrency,
                budget_usd_nano=plan.budget_usd_nano,
                on_progress=on_progress,
            )
            await campaign.run()
            return campaign
    except AnswersFileError as error:
        raise CannotCalibrate(str(error)) from error
    finally:
        for transport in transports.values():
            await transport.aclose()


def conclude(plan: Plan, campaign: Campaign, artefact: Artefact, wall_s: float) -> Calibration:
    """Grade and fit. Raises CannotCalibrate where the answers do not carry an ability."""
    scorer = FoldedScorer(artefact.table)
    kept, scored, empty = campaign.answered, [], 0
    for probe in plan.probes:
        if probe.key in kept:
            answer = without_thinking(kept[probe.key].text)
            empty += not answer
            graded = GradedAnswer(probe.family, probe.kind, probe.level, bool(answer) and probe.task.grade(answer))
            scored.append(ScoredAnswer(graded, scorer.score_text(probe.task.text)))
    if len(scored) < MIN_ANSWERS:
        last = f" The last failure: {campaign.last_fault}." if campaign.last_fault else ""
        raise CannotCalibrate(
            f"{len(scored)} answers are too few: {MIN_ANSWERS} are needed.{last} Nothing was written; "
            "what was answered is kept, so the same command goes on"
        )
    if empty == len(scored):
        raise CannotCalibrate(
            f"All {empty} answers were empty. If the model thinks before it answers, give it more room with "
            "--max-tokens; if not, look at what the server sends. Nothing was written"
        )
    try:
        measured = measure(scored, artefact.catalogue, artefact.manifest.between_task_deviation)
    except ValueError as error:
        raise CannotCalibrate(f"The difficulty model cannot carry a calibration: {error}") from error
    mean_tokens = sum(each.output_tokens for each in kept.values()) / len(kept)
    return Calibration(
        tier=plan.tier,
        measured=measured,
        answers=[each.graded for each in scored],
        seed=plan.seed,
        with_gym=plan.with_gym,
        made=datetime.fromtimestamp(wall_s, UTC).date().isoformat(),
        expected_output_tokens=max(1, round(mean_tokens)),
        cut=sum(each.is_cut for each in kept.values()),
        spent_usd_nano=campaign.spent_usd_nano,
    )


def write(calibration: Calibration, artefact: Artefact, out: Path) -> None:
    """Write the file so that a gateway which watches it never reads half of it. Raises CannotCalibrate."""
    replace_file(out, written(calibration, artefact))


def replace_file(path: Path, text: str) -> None:
    """Write a file beside its place, then move it there. Raises CannotCalibrate."""
    unfinished = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise CannotCalibrate(f"{path} cannot be written: {error.strerror or error}") from error
