"""λ, the one number that a route's quality or budget becomes, and what it is expected to do."""

from enum import StrEnum

from gateway.domain.noun import noun


class WhenUncertified(StrEnum):
    """What a route does while its quality cannot be certified."""

    BEST_EFFORT = "best_effort"
    STRONGEST = "strongest"


@noun
class Dial:
    """λ and what it is expected to do on the calibration requests.

    `value` is in probability per USD; 0 sends everything to the tier most likely to answer well. Shares follow the
    route's order of tiers and sum to 1. `quality` is the expected share of the strongest tier's quality that is kept,
    `quality_low` its one-sided 95 % lower bound; `cost_share` is the expected cost against always-strongest.
    `certified` says that `quality_low` reaches the quality which the route asks for. `strongest_only` says that no
    weaker tier is chosen while it is able: what `when_uncertified: strongest` comes to.
    """

    value: float
    certified: bool
    shares: tuple[float, ...]
    quality: float
    quality_low: float
    cost_share: float
    strongest_only: bool = False
