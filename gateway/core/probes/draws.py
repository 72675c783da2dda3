"""Seeded chance of our own: the same seed gives the same probes on every version of Python, and no clock is needed."""

from collections.abc import Sequence
from typing import Final, TypeVar

_Item = TypeVar("_Item")

_MASK: Final = 2**64 - 1
_STEP: Final = 0x9E3779B97F4A7C15
"""SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"), with its constants."""


def _mixed(state: int) -> int:
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return state ^ (state >> 31)


class Draws:
    """A stream of draws. `key` tells streams of one seed apart, so that a family added later changes no other."""

    def __init__(self, seed: int, key: str = "") -> None:
        state = seed & _MASK
        for byte in key.encode():
            state = _mixed((state + _STEP + byte) & _MASK)
        self._state = state

    def below(self, bound: int) -> int:
        """Draw a whole number from 0 to `bound` - 1. The bias of the remainder is below 2**-40 for small bounds."""
        self._state = (self._state + _STEP) & _MASK
        return _mixed(self._state) % bound

    def between(self, low: int, high: int) -> int:
        """Draw a whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def unit(self) -> float:
        """Draw a number from [0, 1)."""
        return self.below(2**53) / 2**53

    def pick(self, items: Sequence[_Item]) -> _Item:
        """Draw one of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[_Item]) -> list[_Item]:
        """Return the items in an order drawn at random (Fisher and Yates)."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order

    def sample(self, items: Sequence[_Item], count: int) -> list[_Item]:
        """Draw so many different items; all of them, shuffled, where there are no more."""
        return self.shuffled(items)[:count]
