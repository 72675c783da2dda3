"""What becomes of an outage: calls made in vain, and how service returns when it is over."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from gateway.core.retry_budget import BEGUN_FLOOR, RETRY_SHARE, WINDOW_S
from gateway.domain.outcome import Outcome
from gateway.domain.receipt import Receipt
from tests.sim.case import Ailment, Ask, Case, Mode, Server, ServerFault, Shape
from tests.sim.policies import host_name, tier_name
from tests.sim.run import number_of
from tests.sim.stage import play

TIERS: Final = 2
FLOOR_PER_S: Final = BEGUN_FLOOR / 2
"""Further calls that each tier may have however few requests there are."""
HEDGES_MAX: Final = 0.02
FULL_WITHIN_S: Final = 35.0
HERD_MAX: Final = 1.5
"""Calls in the busiest second after the outage, over the requests of a second."""
_REPLICAS: Final = 3
_BEFORE_S: Final = float(WINDOW_S)
_AFTER_S: Final = 50.0
_SHAPE: Final = Shape(
    servers=(_REPLICAS,) * TIERS,
    ttft_s=4.0,
    deadline_s=30.0,
    in_flight=256,
    in_flight_per_key=100_000,
    hedges_as_usual=True,
)


@dataclass(frozen=True, slots=True)
class Outage:
    """Every server of so many tiers, the cheapest first, ails so for so long, at so many requests a second."""

    kind: Ailment
    tiers: int
    for_s: float
    rate_per_s: float

    def case(self) -> Case:
        """Write it as a case: ten seconds, the outage, and what comes after."""
        count = int((_BEFORE_S + self.for_s + _AFTER_S) * self.rate_per_s)
        servers = tuple(
            Server(host_name(rank, number), base_s=0.2, per_token_s=0.001, jitter=1.0, slots=256)
            for rank in range(TIERS)
            for number in range(_REPLICAS)
        )
        ailments = tuple(
            ServerFault(host_name(rank, number), self.kind, _BEFORE_S, _BEFORE_S + self.for_s)
            for rank in range(self.tiers)
            for number in range(_REPLICAS)
        )
        asks = tuple(Ask(number, at_s=number / self.rate_per_s) for number in range(count))
        return Case(0, Mode.SAFETY, _SHAPE, servers, asks, ailments=ailments)


@dataclass(frozen=True, slots=True)
class OutageFound:
    """What came of one. A request is admitted when a model server is asked for it."""

    outage: Outage
    requests: int
    """As all but the last two figures: of the outage and of the ten seconds before it."""
    admitted: int
    calls: int
    hedges: int
    full_after_s: float
    """How long after its end the last request came that its usual tier did not answer."""
    herd: float

    @property
    def calls_max(self) -> float:
        """Return how many calls there may be."""
        floor = FLOOR_PER_S * self.outage.tiers * (self.outage.for_s + _BEFORE_S)
        return (1.0 + RETRY_SHARE) * self.admitted + floor

    @property
    def is_within(self) -> bool:
        """Tell whether everything is as it must be."""
        return (
            self.calls - self.hedges <= self.calls_max
            and self.hedges <= HEDGES_MAX * self.admitted
            and self.full_after_s <= FULL_WITHIN_S
            and self.herd <= HERD_MAX
        )


def outage_found(outage: Outage) -> OutageFound:
    """Play it, and count."""
    run = play(outage.case(), is_told=False)
    assert not run.trouble, run.trouble
    end_s = run.zero_s + _BEFORE_S + outage.for_s
    before = [call for call in run.calls if call.began_s < end_s]
    after = Counter(int(call.began_s - end_s) for call in run.calls if call.began_s >= end_s)
    came_s = {number: client.came_s - end_s for number, client in run.clients.items()}
    receipts = {number_of(receipt.request_id): receipt for receipt in run.receipts}
    return OutageFound(
        outage,
        requests=sum(at_s < 0.0 for at_s in came_s.values()),
        admitted=len({call.question.ask for call in before}),
        calls=len(before),
        hedges=sum(_hedges(receipt) for number, receipt in receipts.items() if came_s[number] < 0.0),
        full_after_s=max(0.0, *[came_s[number] for number, receipt in receipts.items() if not _is_usual(receipt)]),
        herd=max(after.values()) / outage.rate_per_s,
    )


def _hedges(receipt: Receipt) -> int:
    return sum(later.started_ms < sooner.ended_ms for sooner, later in pairwise(receipt.attempts))


def _is_usual(receipt: Receipt) -> bool:
    return receipt.outcome is Outcome.SUCCESS_UPSTREAM and receipt.tier == tier_name(0)
