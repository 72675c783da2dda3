"""Whatever two workers do, in any order: the books agree with a model that has no store, and none is overspent."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.ids import RequestId
from gateway.domain.ledger import Hold, HoldVerdict, Refusal
from tests.support.ledgers import a_hold, a_settlement, an_allowance, opened
from tests.support.redis_server import RedisServer, running_redis

KINDS = ["memory", "redis, two workers"]
# Small numbers, so that limits are often met exactly.
BUDGET, REQUESTS, TOKENS = 20, 8, 30
ALLOWANCE = an_allowance(budget=BUDGET, requests=REQUESTS, tokens=TOKENS)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@dataclass(frozen=True)
class Step:
    """One call: which worker, which request, and what it says. A settlement when `charge` is given."""

    worker: int
    request: int
    amount: int
    tokens: int
    is_crash: bool
    charge: int | None

    def hold(self) -> Hold:
        expires_s = 0.0 if self.is_crash else 3_600.0
        return a_hold(str(self.request), ALLOWANCE, self.amount, tokens=self.tokens, expires_s=expires_s)


STEPS = st.lists(
    st.builds(
        Step,
        worker=st.integers(0, 1),
        request=st.integers(0, 12),
        amount=st.integers(0, 12),
        tokens=st.integers(0, 12),
        is_crash=st.booleans(),
        charge=st.none() | st.integers(0, 15),
    ),
    max_size=40,
)


@dataclass
class Model:
    """The books as sets of facts, every total computed anew."""

    recorded: dict[RequestId, tuple[Refusal | None, int | None]] = field(default_factory=dict)
    held: dict[RequestId, Hold] = field(default_factory=dict)
    charges: dict[RequestId, int] = field(default_factory=dict)
    tokens: dict[RequestId, int] = field(default_factory=dict)

    def hold(self, hold: Hold) -> tuple[Refusal | None, int | None]:
        if hold.request_id not in self.recorded:
            self.recorded[hold.request_id] = self._decide(hold)
        return self.recorded[hold.request_id]

    def settle(self, request_id: RequestId, charge: int, tokens: int) -> None:
        was_granted = request_id in self.tokens
        if request_id in self.charges or (not was_granted and charge == 0):
            return
        self.charges[request_id] = charge
        self.held.pop(request_id, None)
        if was_granted:
            self.tokens[request_id] = tokens
        else:
            self.recorded.setdefault(request_id, (None, None))

    @property
    def left(self) -> int:
        return BUDGET - sum(self.charges.values()) - sum(hold.amount_usd_nano for hold in self.held.values())

    def _decide(self, hold: Hold) -> tuple[Refusal | None, int | None]:
        self.held = {name: open_hold for name, open_hold in self.held.items() if open_hold.expires_after_s > 0}
        if len(self.tokens) + 1 > REQUESTS:
            return Refusal.REQUESTS_PER_MINUTE, self.left
        if sum(self.tokens.values()) + hold.tokens > TOKENS:
            return Refusal.TOKENS_PER_MINUTE, self.left
        if hold.amount_usd_nano > self.left:
            return Refusal.BUDGET, self.left
        self.held[hold.request_id] = hold
        self.tokens[hold.request_id] = hold.tokens
        return None, self.left


def said(verdict: HoldVerdict) -> tuple[Refusal | None, int | None]:
    return verdict.refusal, verdict.budget_left_usd_nano


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_two_workers_in_turn_keep_the_same_books_as_the_model(
    kind: str, server: RedisServer, steps: list[Step]
) -> None:
    model = Model()
    async with opened(kind, server) as workers:
        for step in steps:
            ledger, hold = workers.one_of(step.worker), step.hold()
            if step.charge is None:
                assert said(await ledger.hold(hold)) == model.hold(hold)
            else:
                await ledger.settle(a_settlement(hold, step.charge, tokens=step.tokens))
                model.settle(hold.request_id, step.charge, step.tokens)
        probe = a_hold("probe", an_allowance(budget=BUDGET), 0)
        left = (await workers.next.hold(probe)).budget_left_usd_nano
        model.held = {name: hold for name, hold in model.held.items() if hold.expires_after_s > 0}
        assert left == model.left


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_requests_that_cost_no_more_than_they_hold_never_overspend_in_any_order(
    kind: str, server: RedisServer, steps: list[Step]
) -> None:
    charged: dict[int, int] = {}

    async with opened(kind, server) as workers:

        async def request(number: int, step: Step) -> None:
            hold = a_hold(str(number), an_allowance(budget=BUDGET), step.amount)
            if (await workers.one_of(step.worker).hold(hold)).is_granted:
                charged[number] = min(step.amount, step.charge or 0)
                await asyncio.gather(
                    *(workers.one_of(worker).settle(a_settlement(hold, charged[number])) for worker in range(2))
                )

        await asyncio.gather(*(request(number, step) for number, step in enumerate(steps)))
        assert sum(charged.values()) <= BUDGET
        left = (await workers.next.hold(a_hold("probe", an_allowance(budget=BUDGET), 0))).budget_left_usd_nano
        assert left == BUDGET - sum(charged.values())
