"""The calibration file: what the gateway reads of it, and what people may want to know."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.adapters.artefact import Artefact
from gateway.core.ability_measure import Measured
from gateway.core.reliability import GradedAnswer, Reliability, Share, by_family, by_kind, over_all
from gateway.domain.ability import Z_95, Ability, acceptance, unknown_score
from gateway.domain.tier import Tier
from gateway.policy.calibration_file import OBJECT, VERSION

DECIMALS = 5
"""As the artefact's own abilities are written."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that a calibration says, before it is written or shown."""

    tier: Tier
    measured: Measured
    answers: Sequence[GradedAnswer]
    seed: int
    with_gym: bool
    made: str
    """The day, as year-month-day."""
    expected_output_tokens: int
    cut: int
    """Answers that ended at their limit."""
    spent_usd_nano: int

    @property
    def ability(self) -> Ability:
        """Return the ability as a policy will have it."""
        fit, measured = self.measured.fit, self.measured
        return Ability(
            reference="",
            intercept=round(fit.intercept, DECIMALS),
            loadings=tuple(round(loading, DECIMALS) for loading in fit.loadings),
            standard_error=round(measured.standard_error, DECIMALS),
            prior=round(measured.prior, DECIMALS),
            tasks=tuple(f"{kind} probes" for kind in measured.kinds),
        )


def accepted_between(ability: Ability, error: float) -> tuple[float, float]:
    """Return the 90 % interval of the mean acceptance, for an error on the logit scale."""
    nothing = unknown_score("none")
    return acceptance(ability, nothing, shift=-Z_95 * error), acceptance(ability, nothing, shift=Z_95 * error)


def document(calibration: Calibration, artefact: Artefact) -> dict[str, object]:
    """Return the calibration as JSON-like data."""
    measured, ability = calibration.measured, calibration.ability
    return {
        "object": OBJECT,
        "version": VERSION,
        "tier": calibration.tier.name,
        "model": calibration.tier.model,
        "made": calibration.made,
        "difficulty_model": {
            "name": f"{artefact.manifest.name}-{artefact.manifest.version}",
            "space": artefact.catalogue.space,
        },
        "ability": {
            "intercept": ability.intercept,
            "loadings": list(ability.loadings),
            "standard_error": ability.standard_error,
            "prior": ability.prior,
            "tasks": list(ability.tasks),
            "expected_output_tokens": calibration.expected_output_tokens,
        },
        "errors": {
            "intercept": _rounded(measured.fit.deviations()[0]),
            "loadings": [_rounded(each) for each in measured.fit.deviations()[1:]],
            "probes": _rounded(measured.own_error),
            "probes_are_not_traffic": _rounded(measured.shift_error),
            "accepted_90": _pair(accepted_between(ability, measured.standard_error)),
            "accepted_90_probes_alone": _pair(accepted_between(ability, measured.own_error)),
        },
        "probes": {
            "seed": calibration.seed,
            "gym": calibration.with_gym,
            "answered": len(calibration.answers),
            "fitted": measured.used,
            "right": sum(answer.is_right for answer in calibration.answers),
            "cut_at_limit": calibration.cut,
            "spent_usd_nano": calibration.spent_usd_nano,
        },
        "reliability": {
            "all": _reliability(over_all(calibration.answers)),
            "kinds": [_reliability(each) for each in by_kind(calibration.answers)],
            "families": [_reliability(each) for each in by_family(calibration.answers)],
        },
    }


def written(calibration: Calibration, artefact: Artefact) -> str:
    """Return the text of the file."""
    return json.dumps(document(calibration, artefact), indent=2, ensure_ascii=False) + "\n"


def _reliability(each: Reliability) -> dict[str, object]:
    return {
        "name": each.name,
        "kind": each.kind,
        **_share(each.whole),
        "half_right_at_level": _rounded(each.half_level),
        "levels": [
            {"level": level, **_share(share), "curve": _rounded(at)}
            for (level, share), at in zip(each.levels, each.curve, strict=True)
        ],
    }


def _share(share: Share) -> dict[str, object]:
    return {"right": share.right, "asked": share.asked, "interval_90": _pair(share.interval)}


def _pair(interval: tuple[float, float]) -> list[float]:
    return [_rounded(end) for end in interval]


def _rounded(number: float) -> float:
    return round(number, 4)
