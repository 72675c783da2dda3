"""Find what a System One server's answers mean: it is asked about probes that calibrated tiers have answered."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.adapters.answers_file import AnswersFile, AnswersFileError, KeptAnswer
from gateway.adapters.artefact import Artefact
from gateway.adapters.remote_trouble import RemoteTrouble
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.adapters.scorer_static import StaticScorer
from gateway.adapters.systemone_http import SystemOneServer
from gateway.app.calibrate import MIN_ANSWERS, CannotCalibrate, files_for
from gateway.app.policy_reading import compiler, forgiving_secrets, read_source
from gateway.app.settings import CannotStart
from gateway.core.difficulty_curve import curve_of
from gateway.core.probes.probe import Probe
from gateway.core.probes.reading import without_thinking
from gateway.core.request_text import RequestText
from gateway.core.scale_fit import Scale, ScaleAnswer, fit_scale, log_loss
from gateway.domain.ability import Score
from gateway.domain.ids import TierName
from gateway.domain.tier import Tier
from gateway.policy.problems import did_you_mean, render

ASK_WITHIN_S: Final = 30.0
"""For one question: nobody waits for the answer here."""


@dataclass(frozen=True, slots=True)
class Graded:
    """A tier, and which probes it answered well."""

    tier: Tier
    right: Mapping[str, bool]
    """By the probe's key."""


@dataclass(frozen=True, slots=True)
class Found:
    """The scale over so many answers, and `own_loss`: the log loss of the same answers by our own static stage."""

    scale: Scale
    answers: int
    own_loss: float


def calibrated_tiers(policy: Path, names: Sequence[str], artefact: Artefact) -> list[Tier]:
    """Return tiers whose abilities were measured. Raises CannotCalibrate. Nobody is asked, so no key need be there."""
    try:
        compiled = compiler(artefact, forgiving_secrets())(read_source(policy))
    except CannotStart as problem:
        raise CannotCalibrate(str(problem)) from problem
    if isinstance(compiled, list):
        raise CannotCalibrate(f"The policy has problems:\n{render(compiled)}")
    found = []
    for name in names:
        tier = compiled.tiers.get(TierName(name))
        if tier is None:
            raise CannotCalibrate(f"{policy} has no tier `{name}`: {did_you_mean(name, compiled.tiers)}")
        if not tier.ability.calibration:
            raise CannotCalibrate(
                f"{policy}: the ability of `{name}` was not measured. Run: tiergate calibrate --tier {name}, and name "
                "the file that it writes"
            )
        found.append(tier)
    return found


def graded(tier: Tier, policy: Path, probes: Sequence[Probe]) -> Graded:
    """Grade what is kept of a tier's answers to probes. Raises CannotCalibrate."""
    work = files_for(tier, policy, None, None, 0.0).work
    if not work.exists():
        raise CannotCalibrate(f"{work} is not there: `tiergate calibrate --tier {tier.name}` keeps answers in it")
    try:
        with AnswersFile(work, tier.model) as file:
            kept: Mapping[str, KeptAnswer] = dict(file.answers)
    except AnswersFileError as error:
        raise CannotCalibrate(str(error)) from error
    right = {probe.key: _is_right(probe, kept[probe.key].text) for probe in probes if probe.key in kept}
    return Graded(tier, right)


async def find_scale(
    server: SystemOneServer, tiers: Sequence[Graded], probes: Sequence[Probe], artefact: Artefact
) -> Found:
    """Ask the server about every probe that was answered, and fit. Raises CannotCalibrate."""
    asked = [probe for probe in probes if any(probe.key in each.right for each in tiers)]
    if sum(probe.key in each.right for each in tiers for probe in probes) < MIN_ANSWERS:
        raise CannotCalibrate(
            f"There are fewer than {MIN_ANSWERS} answers to these probes. Give the --seed, --probes and --gym that "
            "`tiergate calibrate` was given"
        )
    static, folded = StaticScorer(artefact.static, artefact.table), FoldedScorer(artefact.table)
    told: list[ScaleAnswer] = []
    own: list[tuple[ScaleAnswer, Score]] = []
    for probe in asked:
        text = RequestText(probe.task.text)
        share = await _share_of(server, text.turn)
        score = static.score(text, folded.score_of(text))
        for each in tiers:
            if probe.key in each.right:
                told.append(ScaleAnswer(share, each.tier.ability, each.right[probe.key]))
                own.append((told[-1], score))
    references = tuple(artefact.catalogue.references.values())
    try:
        scale = fit_scale(told, curve_of(references, artefact.catalogue.requests))
    except ValueError as error:
        raise CannotCalibrate(f"There is no scale: {error}") from error
    return Found(scale, len(told), log_loss(own))


async def _share_of(server: SystemOneServer, text: str) -> float:
    try:
        async with asyncio.timeout(ASK_WITHIN_S):
            return await server.share_of(text)
    except RemoteTrouble as trouble:
        raise CannotCalibrate(f"The server cannot be asked: {trouble}") from trouble
    except TimeoutError as error:
        raise CannotCalibrate(f"The server did not answer within {ASK_WITHIN_S:.0f} s") from error


def _is_right(probe: Probe, text: str) -> bool:
    answer = without_thinking(text)
    return bool(answer) and probe.task.grade(answer)
