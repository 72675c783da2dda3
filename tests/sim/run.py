"""What a run of a case left behind, for the checks."""

from collections import Counter
from dataclasses import dataclass, field

from gateway.domain.ids import RequestId
from gateway.domain.receipt import Receipt
from gateway.policy.snapshot import PolicySnapshot
from tests.sim.call import Call
from tests.sim.case import Case
from tests.sim.client import SimClient
from tests.sim.history import History
from tests.sim.ledger import Deals
from tests.sim.redis import SimRedis
from tests.sim.waits import Waits

REQUEST_PREFIX = "req_"
"""Begins the id of every request; its number follows."""


@dataclass(slots=True)
class Run:
    """Everything that is known of a run. `zero_s` is the loop's time at its beginning."""

    case: Case
    history: History
    zero_s: float
    ledger: Deals = field(default_factory=Deals)
    waits: Waits = field(default_factory=Waits)
    """How long requests waited for their stores."""
    redis: SimRedis | None = None
    clients: dict[int, SimClient] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    reported: list[tuple[RequestId, BaseException]] = field(default_factory=list)
    """What the pipeline reported as faults of its own."""
    in_force: dict[int, PolicySnapshot] = field(default_factory=dict)
    """The policy in force when each request came."""
    trouble: list[str] = field(default_factory=list)
    """What the loop reported, what clients raised, or why the run did not end."""
    stood_s: list[tuple[float, float]] = field(default_factory=list)
    """From when to when the gateway's process stood still."""
    drained_s: float | None = None
    """When requests began to be turned away."""
    left_over: list[str] = field(default_factory=list)
    """What was still there when everything had to be at rest."""
    budget_left_usd_nano: dict[str, int] = field(default_factory=dict)
    """What the books say is left, by tenant."""
    lane: Counter[str] = field(default_factory=Counter)
    """What became of batch requests."""
    pushed_in: list[str] = field(default_factory=list)
    """Of those that came before somebody whom they should come behind."""
    pairs: Counter[str] = field(default_factory=Counter)
    """How often each (state, event) of the exchange machine occurred."""
    met: Counter[str] = field(default_factory=Counter)
    """How often each (fault, phase) was met."""


def number_of(request_id: RequestId) -> int:
    """Tell a request's number in its case, from its own id or that of a second hold for it."""
    return int(request_id.removeprefix(REQUEST_PREFIX).partition("/")[0])
