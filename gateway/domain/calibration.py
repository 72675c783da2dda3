"""What the difficulty model knows before any traffic: the reference models, and requests to set a dial on."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Final

from gateway.domain.ability import Ability, Score
from gateway.domain.noun import noun


@noun
class CalibrationRequest:
    """A request that a policy is judged on: where it lies, how long it is, what kind of task. Its text is not kept."""

    score: Score
    input_tokens: int
    task: str = ""


@noun
class Graded:
    """Graded answers of the reference models to requests that no part of the difficulty model was fitted or chosen on.

    `scores` holds, by reference, one number for each of `requests`: 0 (wrong) to 1 (right), NaN where no answer was
    graded.
    """

    requests: tuple[CalibrationRequest, ...] = ()
    scores: Mapping[str, Sequence[float]] = field(default_factory=dict)


NOT_GRADED: Final = Graded()


@noun
class Catalogue:
    """The reference models of one artefact, and the requests on which a policy's expectations are computed.

    `aliases` maps other names of a model to its reference; both are in lower case. `expected_output_tokens` is the
    mean length of a reference's answers, by reference. `requests` are a stratified sample, so equal weights are right.
    `digest` is the artefact's own (SHA-256 in hexadecimal): it changes whenever anything in here may have changed.
    `graded` are other requests, of which it is known what came of them: a policy's certificates rest on those.
    `space` names the latent space (SHA-256 of what gives a request its position): an ability means nothing in another.
    """

    references: Mapping[str, Ability]
    aliases: Mapping[str, str]
    expected_output_tokens: Mapping[str, int]
    requests: tuple[CalibrationRequest, ...]
    digest: str
    graded: Graded = NOT_GRADED
    space: str = ""

    def find(self, name: str) -> Ability | None:
        """Return the reference model of that name or alias; case and a leading `vendor/` do not matter."""
        plain = _plain(name)
        return self.references.get(self.aliases.get(plain, plain))

    def nearest(self, name: str, count: int = 3) -> list[str]:
        """Return the names most like a mistyped one, best first; references before their aliases when equal."""
        plain = _plain(name)
        known = [*self.references, *self.aliases]
        # 0.4 is below difflib's 0.6: `llama8b` should still find `llama-3.1-8b-instruct`.
        return difflib.get_close_matches(plain, known, n=count, cutoff=0.4)


def _plain(name: str) -> str:
    return name.strip().lower().rpartition("/")[2]
