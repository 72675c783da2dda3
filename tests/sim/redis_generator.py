"""From a seed to what befalls Redis: a few kinds of trouble, some windows of each, near the limits of gateways."""

from collections.abc import Sequence
from random import Random
from typing import Final

from tests.sim.redis_case import OF_SINGLE_COMMANDS, Redis, RedisFault, RedisTrouble

_LATE_S: Final = (0.003, 0.0045, 0.0055, 0.009, 0.012, 0.0145, 0.0155, 0.0195, 0.0205, 0.026, 0.09, 0.11, 0.3)
_AHEAD_S: Final = (-3_600.0, -61.0, -0.5, 0.5, 61.0, 600.0)
"""No further ahead than a settled request is remembered: a repetition would be a second charge."""
_FOR_EVER_S: Final = 1e6
_RESTART_S: Final = (0.05, 0.5, 2.0)
_LASTS_S: Final = (0.01, 0.1, 0.5, 2.0, 5.0)
_KINDS_MAX: Final = 4


def redis_of(draws: Random, comes_s: Sequence[float]) -> Redis:
    """Draw how many gateways share it, how far it is, and what befalls it: nothing in one of eight cases.

    Most of it befalls it about when a request comes, of which `comes_s` has the times.
    """
    gateways, way_s = draws.choice((1, 1, 2)), draws.choice((0.0001, 0.0002, 0.001))
    if draws.random() < 1 / 8:
        return Redis(gateways, way_s)
    kinds = draws.sample(list(RedisTrouble), draws.randint(1, _KINDS_MAX))
    faults = [fault for kind in kinds for fault in _faults(draws, kind, comes_s)]
    return Redis(gateways, way_s, tuple(faults))


def _faults(draws: Random, kind: RedisTrouble, comes_s: Sequence[float]) -> list[RedisFault]:
    if kind is RedisTrouble.CLOCK:
        from_s = draws.choice((0.0, _from_s(draws, comes_s)))
        return [RedisFault(kind, from_s, _FOR_EVER_S, ahead_s=draws.choice(_AHEAD_S))]
    return [_fault(draws, kind, _from_s(draws, comes_s)) for _ in range(draws.randint(1, 3))]


def _fault(draws: Random, kind: RedisTrouble, from_s: float) -> RedisFault:
    is_restart = kind in (RedisTrouble.RESTART, RedisTrouble.LOSS)
    to_s = round(from_s + draws.choice(_RESTART_S if is_restart else _LASTS_S), 4)
    if kind is RedisTrouble.SLOW:
        return RedisFault(kind, from_s, to_s, late_s=draws.choice(_LATE_S))
    if kind in OF_SINGLE_COMMANDS:
        return RedisFault(kind, from_s, to_s, rate=draws.choice((0.1, 0.5, 1.0)))
    return RedisFault(kind, from_s, to_s)


def _from_s(draws: Random, comes_s: Sequence[float]) -> float:
    """Draw a time: just before a request comes, while it is under way, or any."""
    at_s, later_s = draws.choice(comes_s), draws.choice((-0.001, 0.0001, 0.0002, 0.0006, 0.0015, 0.005, 0.05, 0.5))
    return round(max(0.0, draws.choice((0.0, at_s + later_s, at_s + later_s, draws.uniform(0.0, 8.0)))), 4)
