"""Run the protocols R1 to R12, each by its name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from router_models.adaptation import r12
from router_models.chances import r8, r9
from router_models.latency import served
from router_models.probing import r10
from router_models.protocols import r1, r2, r3, r4, r5
from router_models.report import Part, joined
from router_models.stage_shares import shares
from router_models.three_tiers import r6, r7
from router_models.workbench import Bench

Protocol = Callable[[Bench], Part]


def r11(bench: Bench) -> Part:
    """Say which stage decides how much, what short cuts lose, and how long each stage takes as it is served."""
    return joined([shares(bench), served(bench.latency)])


PROTOCOLS: Final[Mapping[str, Protocol]] = {
    "R1": r1,
    "R2": r2,
    "R3": r3,
    "R4": r4,
    "R5": r5,
    "R6": r6,
    "R7": r7,
    "R8": r8,
    "R9": r9,
    "R10": r10,
    "R11": r11,
    "R12": r12,
}


def evaluate(bench: Bench, names: Sequence[str], after_each: Callable[[str], None]) -> Part:
    """Run some of the protocols, in their order."""
    parts: list[Part] = []
    for name in (name for name in PROTOCOLS if name in names):
        bench.note(name)
        parts.append(PROTOCOLS[name](bench))
        after_each(name)
    return joined(parts)
