"""Run what was tried for the protocols that miss a goal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from router_models.tried.attempt import Missed
from router_models.tried.chances import r8, r9
from router_models.tried.labels import r12
from router_models.tried.ladders import r6_and_r7
from router_models.tried.probing import r10
from router_models.tried.times import r11
from router_models.tried.two_tiers import r1, r2, r3, r4
from router_models.tried.workshop import Workshop

Try = Callable[[Workshop], list[Missed]]

TRIES: Final[Mapping[str, Try]] = {
    "R1": r1,
    "R2": r2,
    "R3": r3,
    "R4": r4,
    "R6": r6_and_r7,
    "R7": r6_and_r7,
    "R8": r8,
    "R9": r9,
    "R10": r10,
    "R11": r11,
    "R12": r12,
}
"""R5 is not among them: each of its families is reached by some stage."""


def tried(shop: Workshop, names: Sequence[str]) -> Iterator[tuple[str, list[Missed]]]:
    """Yield each protocol with what was tried for the goals of it that no stage reaches; nothing where none is missed.

    One after the other, so that what was found is not lost when a later one is broken off.
    """
    done: dict[Try, list[Missed]] = {}
    for name in (name for name in TRIES if name in names):
        shop.bench.note(name)
        missed = shop.missed(name)
        if missed and TRIES[name] not in done:
            done[TRIES[name]] = TRIES[name](shop)
        told = done.get(TRIES[name], []) if missed else []
        yield name, [each for each in told if each.protocol == name and each.measured in missed]
