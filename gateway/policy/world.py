"""What the compiler asks of the world, and what it got: reference models, secrets, prices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.calibration import Catalogue
from gateway.domain.dial import Dial, WhenUncertified
from gateway.domain.money import Price
from gateway.domain.tier import Secret, Tier

SecretLookup = Callable[[str], Secret | str]
"""Takes `env:NAME` or `file:/path`. A text in place of the secret says what is wrong."""

ChooseDial = Callable[[tuple[Tier, ...], float | None, float | None, WhenUncertified, Catalogue], Dial]
"""Takes a route's tiers, its quality, its explicit dial, what to do when uncertified, and the catalogue."""


class PriceLookup(Protocol):
    """A catalogue of prices of hosted models."""

    def find(self, model: str, provider: str | None) -> Price | None:
        """Return the price of a model, at a provider if one is named."""

    def nearest(self, model: str, provider: str | None) -> Sequence[str]:
        """Return the models whose names are most like it, best first."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything a policy may refer to that is not in it."""

    catalogue: Catalogue
    secrets: SecretLookup
    prices: PriceLookup
    choose_dial: ChooseDial
