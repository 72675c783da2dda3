"""How the choices for some requests change as λ grows: request by request, towards cheaper tiers only.

A tier's value p − λ·cost is a line in λ, and the chosen tier is on top of all of them. So each request switches at most
(tiers − 1) times, and every sum over the choices is a step function of λ, known from one pass over the sorted switches.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from gateway.core.value import best, expected_cost_usd_nano
from gateway.domain.ability import acceptance
from gateway.domain.calibration import CalibrationRequest
from gateway.domain.dial import WhenUnknown
from gateway.domain.money import USD_NANO_PER_USD
from gateway.domain.tier import Tier


@dataclass(frozen=True, slots=True)
class Row:
    """One request as a route's tiers answer it: p and expected cost, tier by tier.

    `held_at` is the tier that takes it whatever λ is; None where λ decides.
    """

    p: tuple[float, ...]
    costs_usd_nano: tuple[int, ...]
    held_at: int | None

    def choice(self, dial: float) -> int:
        """Return the position of the tier that is chosen, by the rule that live requests take."""
        return best(self.p, self.costs_usd_nano, dial) if self.held_at is None else self.held_at


@dataclass(frozen=True, slots=True)
class Switch:
    """From this λ on, the request in that row goes to `after` rather than to `before`."""

    dial: float
    row: int
    before: int
    after: int


def lay_out(
    tiers: Sequence[Tier], top: int, requests: Iterable[CalibrationRequest], when_unknown: WhenUnknown
) -> tuple[Row, ...]:
    """Return the requests as these tiers answer them; `top` is the position of the strongest."""
    holds = when_unknown is WhenUnknown.STRONGEST
    return tuple(
        Row(
            p=tuple(acceptance(tier.ability, request.score) for tier in tiers),
            costs_usd_nano=tuple(
                expected_cost_usd_nano(tier, request.input_tokens, tier.expected_output_tokens) for tier in tiers
            ),
            held_at=top if holds and not request.score.is_known else None,
        )
        for request in requests
    )


def switches_of(rows: Sequence[Row]) -> list[Switch]:
    """Return every switch of every row, by growing λ."""
    every = [switch for at, row in enumerate(rows) if row.held_at is None for switch in _switches(at, row)]
    return sorted(every, key=lambda switch: switch.dial)


def _switches(at: int, row: Row) -> Iterator[Switch]:
    chosen = row.choice(0.0)
    while True:
        p, cost = row.p[chosen], row.costs_usd_nano[chosen]
        # Of tiers that draw level at the same λ the cheapest: beyond it, that one is on top.
        crossings = [
            ((p - other_p) / (cost - other_cost), other_cost, other)
            for other, (other_p, other_cost) in enumerate(zip(row.p, row.costs_usd_nano, strict=True))
            if other_cost < cost
        ]
        if not crossings:
            return
        slope, _, after = min(crossings)
        yield Switch(slope * USD_NANO_PER_USD, at, chosen, after)
        chosen = after


def steps_between(edges: Iterable[float]) -> list[float]:
    """Return one λ from each stretch on which no choice changes; first of all 0."""
    ordered = sorted(set(edges))
    # Beyond the last edge every λ is the same; twice it leaves room for live requests that cost less.
    beyond = [2.0 * ordered[-1]] if ordered else []
    return [0.0, *((low + high) / 2.0 for low, high in pairwise(ordered)), *beyond]


class Ramp:
    """The sum of a figure over the rows' choices, as λ grows. `worth` takes a row's number and the chosen position."""

    def __init__(self, rows: Sequence[Row], switches: Sequence[Switch], worth: Callable[[int, int], float]) -> None:
        start = sum(worth(at, row.choice(0.0)) for at, row in enumerate(rows))
        changes = (worth(each.row, each.after) - worth(each.row, each.before) for each in switches)
        self._edges = [each.dial for each in switches]
        self._sums = list(accumulate(changes, initial=start))

    def at(self, dial: float) -> float:
        """Return the sum at a λ."""
        return self._sums[bisect_right(self._edges, dial)]

    def first_above(self, limit: float) -> float:
        """Return the λ from which the sum is above a limit for the first time: 0 at the least, infinity for never."""
        for at, total in enumerate(self._sums):
            if total > limit:
                return self._edges[at - 1] if at else 0.0
        return float("inf")
