"""Which probes are asked: every family and level alike, in an order whose every beginning is nearly as even."""

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.core.probes import algorithms, arithmetic, formats, instructions, letters, logic
from gateway.core.probes.draws import Draws
from gateway.core.probes.probe import LEVELS, Family, Probe

FAMILIES: Final = (
    *arithmetic.FAMILIES,
    *logic.FAMILIES,
    *letters.FAMILIES,
    *algorithms.FAMILIES,
    *formats.FAMILIES,
    *instructions.FAMILIES,
)


def plan(seed: int, count: int, families: Sequence[Family] = FAMILIES) -> tuple[Probe, ...]:
    """Return so many different probes; the same for the same seed. A larger count begins with those of a smaller.

    Where a family has no further task that differs (there are few sums of two digits), the next one is taken.
    """
    chosen: list[Probe] = []
    seen: set[str] = set()
    source = _endless(seed, families)
    while len(chosen) < count:
        probe = next(source)
        if probe.key not in seen:
            seen.add(probe.key)
            chosen.append(probe)
    return tuple(chosen)


def _endless(seed: int, families: Sequence[Family]) -> Iterator[Probe]:
    cells = [(family, level) for family in families for level in range(1, LEVELS + 1)]
    number = 0
    while True:
        for family, level in Draws(seed, f"order {number}").shuffled(cells):
            draws = Draws(seed, f"{family.name} {level} {number}")
            yield Probe(family.name, family.kind, level, number, family.make(level, draws))
        number += 1
