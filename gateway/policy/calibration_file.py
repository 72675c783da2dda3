"""Read a calibration: what `tiergate calibrate` measured of a tier, and a policy names as its ability.

The file is JSON, which YAML 1.2 contains, so a file with mistakes is read anew as policies are, every value with its
line and column: that takes a third of a second, a sound file a millisecond.
What is for people (how often which probes were answered) is passed over here.
"""

import hashlib
import json
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, ValidationError

from gateway.domain.ability import Ability
from gateway.domain.calibration import Catalogue
from gateway.domain.noun import noun
from gateway.policy.load import read_document
from gateway.policy.problems import Finding, Problem
from gateway.policy.quantities import Quantity, Text
from gateway.policy.scales import COUNT, NUMBER
from gateway.policy.schema_tiers import ModelName
from gateway.policy.section import Section, required
from gateway.policy.shape import findings_in
from gateway.policy.source import PolicySource

OBJECT: Final = "tiergate_calibration"
VERSION: Final = 1
MAX_TOLD: Final = 5
"""Problems of one file that are told: a file that a command wrote and nobody edited has none, or is another file."""
_AGAIN: Final = "calibrate again: answers that were kept are not asked for anew"

_Logit = Annotated[float, Quantity(NUMBER, "-100", "100")]
_Word = Annotated[str, Text("a text", r"[^\x00-\x1f\x7f]{1,200}")]


class _File(Section):
    """What the gateway needs of a calibration."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True)


class _DifficultyModel(_File):
    space: _Word = required("Which latent space the ability lies in.")


class _AbilityPart(_File):
    intercept: _Logit = required("The logit of an answer being right where the latent position is 0.")
    loadings: tuple[_Logit, ...] = required("What each latent coordinate adds to the logit.")
    standard_error: Annotated[float, Quantity(NUMBER, "0", "100")] = required("Of the logit.")
    prior: Annotated[float, Quantity(NUMBER, "0", "1")] = required("The mean acceptance over the calibration requests.")
    tasks: tuple[_Word, ...] = required("The kinds of task that were probed.")
    expected_output_tokens: Annotated[int, Quantity(COUNT, "1", "10000000")] = required("Of an answer, on average.")


class CalibrationFile(_File):
    """A calibration as it is written."""

    object: Literal["tiergate_calibration"] = required("What this file is.")
    version: Literal[1] = required("The version of its format.")
    model: ModelName = required("The name under which the servers know the model that was probed.")
    difficulty_model: _DifficultyModel = required("What gave the probes their latent positions.")
    ability: _AbilityPart = required("What was measured.")


@noun
class Calibrated:
    """A calibration that can be used. `digest` is that of the file."""

    model: str
    ability: Ability
    expected_output_tokens: int
    digest: bytes


def read_calibration(name: str, content: bytes, catalogue: Catalogue) -> Calibrated | list[tuple[str, str]]:
    """Read a calibration file for the difficulty model whose catalogue is given, or say what to mend, and how.

    Each message begins with `name:line:column`.
    """
    try:
        file = CalibrationFile.model_validate(_plain(json.loads(content, parse_float=Decimal)))
    except (ValueError, RecursionError):
        return _problems(PolicySource(name, content))
    width = max((len(ability.loadings) for ability in catalogue.references.values()), default=0)
    if file.difficulty_model.space != catalogue.space or len(file.ability.loadings) != width:
        place = read_document(PolicySource(name, content)).place_of(("difficulty_model", "space"))
        what = "expected a calibration for the difficulty model in use, found one for another"
        return [(f"{name}:{place.line}:{place.column}: difficulty_model.space: {what}", _AGAIN)]
    digest = hashlib.sha256(content).digest()
    return Calibrated(file.model, _ability(name, file.ability), file.ability.expected_output_tokens, digest)


def _plain(value: object) -> object:
    """Return JSON as the loader of policies would, with lists that nobody can change."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def _problems(source: PolicySource) -> list[tuple[str, str]]:
    """Say what is wrong with a file that could not be used."""
    if not source.content.strip():
        return [(f"{source.name}:1:1: expected a calibration, found an empty file", _AGAIN)]
    document = read_document(source)
    problems = list(document.problems)
    if document.root is not None:
        try:
            CalibrationFile.model_validate(document.root)
        except ValidationError as error:
            findings, _ = findings_in(error.errors(include_url=False), document.root, document)
            problems += map(document.problem, findings)
    # What YAML takes and JSON does not is no mistake of a policy's.
    problems = problems or [document.problem(Finding((), "expected JSON, found YAML"))]
    return [_told(problem) for problem in problems[:MAX_TOLD]]


def _told(problem: Problem) -> tuple[str, str]:
    subject = f" {problem.path}:" if problem.path else ""
    hint = problem.hint if problem.path and problem.hint else _AGAIN
    return f"{problem.file}:{problem.line}:{problem.column}:{subject} {problem.message}", hint


def _ability(name: str, part: _AbilityPart) -> Ability:
    return Ability(
        reference="",
        intercept=part.intercept,
        loadings=part.loadings,
        standard_error=part.standard_error,
        prior=part.prior,
        tasks=part.tasks,
        calibration=name,
    )
