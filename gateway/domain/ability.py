"""What the difficulty model says: of a request (`Score`), and of a model (`Ability`).

The two meet in one formula, a low-rank multidimensional item-response model (Reckase 2009, eq. 4.5; the bilinear form
of EmbedLLM and IRT-Router): P(acceptable) = sigmoid(intercept + loadings · latent).
"""

import math
from enum import StrEnum
from operator import mul

from gateway.domain.ids import TierName
from gateway.domain.noun import noun

Z_95 = 1.6448536269514722
"""The standard normal's 95 % quantile: one-sided bounds, and the ends of a two-sided 90 % interval."""


@noun
class Ability:
    """How good a model is, in the terms of the difficulty model.

    `loadings` has as many numbers as a score's `latent`. `standard_error` is that of the intercept, on the logit scale:
    it widens the interval of every probability. `prior` is the mean acceptance over the calibration requests: what is
    said of a request about which nothing is known. `tasks` names the kinds of task that the estimate rests on.
    `reference` is the model that it was learnt from or is compared with, `calibration` the file that it was read from;
    both are empty where nothing is stated.
    """

    reference: str
    intercept: float
    loadings: tuple[float, ...]
    standard_error: float
    prior: float
    tasks: tuple[str, ...]
    calibration: str = ""

    @property
    def is_stated(self) -> bool:
        """Tell whether anything is known of the model."""
        return bool(self.reference or self.calibration)


class ScorerChoice(StrEnum):
    """Which stages of the difficulty model a route allows."""

    AUTO = "auto"
    """Each stage asks the next while the decision is open."""
    FOLDED = "folded"
    """The words' shares alone: microseconds."""
    STATIC = "static"
    """Token vectors and labelled neighbours, whatever the stage before says."""
    ENCODER = "encoder"
    """The encoder for every request."""
    REMOTE = "remote"
    """A scorer in another process, for every request."""
    SYSTEMONE = "systemone"
    """A decision model in another process, which is asked how hard it is, for every request."""


class ClassifierOutcome(StrEnum):
    """How the scoring of a request ended. Every request that reaches the score stage has exactly one."""

    NOT_ASKED = "not_asked"
    """Only one tier was in question."""
    FOLDED = "folded"
    """The folded words decided."""
    STATIC = "static"
    """The static vectors decided."""
    ENCODER = "encoder"
    """The encoder decided, on the device it was meant for."""
    ENCODER_CPU = "encoder_cpu"
    """The encoder decided, on the CPU."""
    REMOTE = "remote"
    """The remote scorer decided."""
    SYSTEMONE = "systemone"
    """The System One server decided."""
    TIMEOUT = "timeout"
    """A better stage was asked and did not answer in time; the stage before it decided."""
    OVERLOAD = "overload"
    """A better stage was wanted and its queue was full; the stage before it decided."""
    ABSTAIN = "abstain"
    """The difficulty model knows nothing of such a request: what is known of the tiers decided."""
    ERROR = "error"
    """A better stage was asked and failed; the stage before it decided."""


@noun
class Correction:
    """What feedback on requests like this one says of a tier: `logit` is added to its logit.

    `labels` is how many labels stand behind it, each counted by its closeness.
    """

    tier: TierName
    logit: float
    labels: float


@noun
class Score:
    """The latent position of a request. `familiarity` (0..1) says how much of it the difficulty model has seen.

    Familiarity 0 is "unknown": the probability is then the tier's prior. `spread` holds, per latent coordinate, the
    standard deviation of what the next stage would still add: empty when no better stage follows. `corrections` are of
    the tiers near which feedback has come; `embedding` is the text's as int8 numbers, empty where no stage made one.
    """

    latent: tuple[float, ...]
    familiarity: float
    scorer: str
    outcome: ClassifierOutcome = ClassifierOutcome.FOLDED
    spread: tuple[float, ...] = ()
    corrections: tuple[Correction, ...] = ()
    embedding: bytes = b""

    @property
    def is_known(self) -> bool:
        """Tell whether the score carries anything beyond the prior."""
        return self.familiarity > 0.0

    def shift_of(self, tier: TierName) -> float:
        """Return what feedback adds to the tier's logit."""
        for each in self.corrections:
            if each.tier == tier:
                return each.logit
        return 0.0


def unknown_score(scorer: str) -> Score:
    """Return the value that stands for "cannot tell"."""
    return Score((), 0.0, scorer, ClassifierOutcome.ABSTAIN)


def sigmoid(logit: float) -> float:
    """Logistic function, without overflow for large negative arguments."""
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)


def acceptance(ability: Ability, score: Score, *, shift: float = 0.0) -> float:
    """P(the model's answer is acceptable), shrunk to the prior by what is unfamiliar.

    `shift` moves the logit, the prior's too: pass ±z·standard_error for the ends of an interval.
    """
    prior = ability.prior if shift == 0.0 else _shifted(ability.prior, shift)
    if not score.familiarity > 0.0:
        return prior
    modelled = sigmoid(logit_of(ability, score) + shift)
    return score.familiarity * modelled + (1.0 - score.familiarity) * prior


def logit_of(ability: Ability, score: Score) -> float:
    """Return the logit of P(acceptable), had the difficulty model seen all of the request."""
    if len(ability.loadings) != len(score.latent):
        raise ValueError(f"an ability of {len(ability.loadings)} loadings meets a score of {len(score.latent)} numbers")
    return sum(map(mul, ability.loadings, score.latent), ability.intercept)


def _shifted(probability: float, shift: float) -> float:
    if not 0.0 < probability < 1.0:
        return probability
    return sigmoid(math.log(probability / (1.0 - probability)) + shift)
