"""What the compiler asks of the world, and what it got: reference models, secrets, prices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.calibration import Catalogue
from gateway.domain.dial import Aim, Dial
from gateway.domain.money import Price
from gateway.domain.tier import Secret, Tier

SecretLookup = Callable[[str], Secret | str]
"""Takes `env:NAME` or `file:/path`. A text in place of the secret says what is wrong."""

CalibrationLookup = Callable[[str], bytes | str]
"""Takes a calibration's path as the policy has it and returns the file. A text in its place says what is wrong."""

ChooseDial = Callable[[tuple[Tier, ...], Aim, Catalogue], Dial]
"""Takes a route's tiers in rank order, what the route asks for, and the catalogue."""


class PriceLookup(Protocol):
    """A catalogue of prices of hosted models."""

    def find(self, model: str, provider: str | None) -> Price | None:
        """Return the price of a model, at a provider if one is named."""

    def nearest(self, model: str, provider: str | None) -> Sequence[str]:
        """Return the models whose names are most like it, best first."""


def no_files(path: str) -> str:
    """Find no calibration, where policies are compiled without any."""
    return "there is no folder to look in"


@dataclass(frozen=True, slots=True)
class World:
    """Everything a policy may refer to that is not in it."""

    catalogue: Catalogue
    secrets: SecretLookup
    prices: PriceLookup
    choose_dial: ChooseDial
    calibrations: CalibrationLookup | None = no_files
    """None passes calibrations over: their tiers count as if nothing were stated of them."""
