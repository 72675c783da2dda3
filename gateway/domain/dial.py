"""λ, the one number that a route's quality or budget becomes, and what it is expected to do."""

from enum import StrEnum

from gateway.domain.noun import noun


class WhenUncertified(StrEnum):
    """What a route does while its quality cannot be certified."""

    BEST_EFFORT = "best_effort"
    STRONGEST = "strongest"


class WhenUnknown(StrEnum):
    """What a route does with a request of which the difficulty model knows nothing."""

    PRIOR = "prior"
    """Weigh each tier's average over the calibration requests against its cost."""
    STRONGEST = "strongest"
    """Send it to the strongest able tier."""


class Certificate(StrEnum):
    """What the certainty rests on that a route keeps the quality it asks for. One closed list."""

    OUTCOMES = "outcomes"
    """Graded answers of the tiers' reference models, to requests that nothing was fitted on, to all kinds of task."""
    MIXED = "mixed"
    """Such answers for the kinds of task that have them, and the difficulty model's own interval for the others."""
    MODEL = "model"
    """The difficulty model's own interval: for some tier of the route there are no graded answers, or too few."""
    TRIVIAL = "trivial"
    """There is nothing to lose: no tier is cheaper than the strongest."""
    NONE = "none"
    """It is not certain, or no quality is asked for."""


class SetBy(StrEnum):
    """What chose λ."""

    QUALITY = "quality"
    BUDGET = "budget"
    DIAL = "dial"
    NOTHING = "nothing"
    """No λ would do, or nothing is asked for: the strongest able tier is used."""


@noun
class Aim:
    """What a route asks of its dial, as the policy has it.

    `quality` is the share of the strongest tier's quality to keep, `budget` the share of its cost to spend at most,
    `dial` an explicit λ, which excludes the other two.
    """

    quality: float | None = None
    budget: float | None = None
    dial: float | None = None
    when_uncertified: WhenUncertified = WhenUncertified.BEST_EFFORT
    when_unknown: WhenUnknown = WhenUnknown.PRIOR


@noun
class GradedBound:
    """What graded answers say of a λ: `quality_low` is the share of the strongest tier's quality kept there at least.

    The bound holds with 95 % confidence for requests like the graded ones, `requests` in number; `tasks` are the kinds
    of task among them with enough requests to count.
    """

    requests: int
    tasks: tuple[str, ...]
    quality_low: float


@noun
class Dial:
    """λ and what it is expected to do on the calibration requests.

    `value` is in probability per USD; 0 sends everything to the tier most likely to answer well. Shares follow the
    route's order of tiers and sum to 1. `quality` is the expected share of the strongest tier's quality that is kept,
    `quality_low` its one-sided 95 % lower bound: by graded answers for the kinds of task that have them, by the model
    for the others, the lesser of the two. `cost_share` is the expected cost against always-strongest. `certificate`
    says what makes it certain that the route keeps the quality it asks for. `strongest_only` says that no weaker tier
    is chosen while the strongest is able: what `when_uncertified: strongest` comes to; `strongest_when_unknown` says so
    of requests of which nothing is known.
    """

    value: float
    certificate: Certificate
    shares: tuple[float, ...]
    quality: float
    quality_low: float
    cost_share: float
    strongest_only: bool = False
    strongest_when_unknown: bool = False
    set_by: SetBy = SetBy.DIAL
    graded: GradedBound | None = None

    @property
    def certified(self) -> bool:
        """Tell whether it is certain that the route keeps the quality it asks for."""
        return self.certificate is not Certificate.NONE
