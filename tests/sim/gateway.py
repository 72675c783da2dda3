"""One gateway of a run: the real pipeline, its stores, and what it does behind its requests' backs."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from gateway.adapters.redis_hit_labels import RedisHitLabels, RedisHitLabelsSettings
from gateway.adapters.redis_tier_news import RedisTierNews, RedisTierNewsSettings
from gateway.app.endpoint_watch import EndpointWatch
from gateway.core.exchange import Exchange
from gateway.core.exchange_events import Commands, Event, Plan, TimerFired
from gateway.core.prefix_index import PrefixIndex
from gateway.core.retry_budget import RetryBudget
from gateway.domain.ability import Score, ScorerChoice
from gateway.domain.ids import RequestId
from gateway.domain.ledger import Hold
from gateway.domain.receipt import Receipt
from gateway.domain.request import CanonicalRequest, Operation
from gateway.pipeline.drive import Pipeline
from gateway.pipeline.flights import Flights
from gateway.pipeline.places import look_after
from gateway.pipeline.world import World
from gateway.policy.snapshot import PolicySnapshot
from gateway.ports import Clock
from tests.sim.case import Ask, Mode
from tests.sim.client import SimClient, prompt_of
from tests.sim.lane import WatchedLane
from tests.sim.ledger import WatchedLedger
from tests.sim.loop import VirtualLoop
from tests.sim.run import REQUEST_PREFIX, Run
from tests.sim.stores import POLL_S, memory_stores, shared_stores
from tests.sim.upstream import SimNetwork
from tests.sim.waits import WatchedCache, WatchedConversations
from tests.support.gateways import KeptRecords
from tests.support.semantic import semantic_parts

_LATER_S: Final = 0.02
_LOOK_S: Final = 0.25


@dataclass(slots=True)
class PolicyInForce:
    """The policy that all gateways go by."""

    snapshot: PolicySnapshot


class SimGateway:
    """A gateway. `number` tells it from the others."""

    def __init__(
        self, number: int, run: Run, loop: VirtualLoop, clock: Clock, policy: PolicyInForce, network: SimNetwork
    ) -> None:
        self.name = f"gateway {number}"
        self._run = run
        self._loop = loop
        self._policy = policy
        self._current = -1
        chance = Random(f"redis chance {run.case.seed} {number}")
        self._stores = memory_stores(clock) if run.case.redis is None else shared_stores(clock, chance)
        self.world = self._world(number, clock, network)
        self._pipeline = Pipeline(self.world)
        self._clock = clock
        self._background: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin with what is done behind requests' backs."""
        stores, slos, policy = self._stores, self.world.slos, self._policy
        works = [EndpointWatch(self.world).run()]
        if any(ask.batch for ask in self._run.case.asks):
            works.append(self._look_after())
        if stores.redis is not None:
            news = RedisTierNews(
                stores.redis,
                slos,
                known=lambda: policy.snapshot.tiers,
                worker=self.name,
                clock=self._clock,
                settings=RedisTierNewsSettings(poll_s=POLL_S),
            )
            labels = RedisHitLabels(
                stores.redis,
                self.world.semantic.proofs,
                worker=self.name,
                clock=self._clock,
                settings=RedisHitLabelsSettings(poll_s=POLL_S),
            )
            works += [news.listen(), stores.reservoir.listen(), stores.cache.listen()]
            works += [stores.semantic.listen(), labels.listen()]
        self._background = [self._loop.create_task(work) for work in works]

    async def _look_after(self) -> None:
        """Call who waits for room as the worker does, but less often."""
        while True:
            await asyncio.sleep(_LOOK_S)
            look_after(0.0, self._clock.now_s(), self.world)

    async def serve(self, client: SimClient) -> None:
        """Serve a request to its end."""
        # The pipeline takes the policy and asks for the request's id before it waits for anything.
        self._current = client.ask.number
        self._run.in_force[self._current] = self._policy.snapshot
        await self._pipeline(Operation.CHAT, client.inbound, client.responder)

    async def rest(self) -> None:
        """Do nothing any more behind requests' backs."""
        for task in self._background:
            task.cancel()
        await asyncio.wait(self._background)

    async def read_books(self) -> None:
        """Ask what is left of every budget, by a hold of nothing."""
        for key in self._policy.snapshot.keys.values():
            tenant = key.tenant
            hold = Hold(RequestId(f"probe {tenant.id}"), tenant.id, tenant.allowance, 0, 0, 1.0)
            verdict = await self._stores.ledger.hold(hold)
            if verdict.budget_left_usd_nano is not None:
                self._run.budget_left_usd_nano[tenant.id] = verdict.budget_left_usd_nano

    async def aclose(self) -> None:
        """Close the stores."""
        await self._stores.aclose()

    @property
    def has_given_redis_up(self) -> bool:
        """Tell whether it does not ask Redis because that did not answer."""
        return self._stores.redis is not None and self._stores.redis.is_open

    def left_over(self) -> list[str]:
        """Tell of what should be gone: requests under way, servers given up."""
        left, world, is_quiet = [], self.world, self._run.case.mode is Mode.LIVENESS
        if world.admission.in_flight:
            left.append(f"{world.admission.in_flight} requests counted in and not out")
        batch = world.batch
        if batch.waiting or batch.in_flight or batch.waiting_bytes:
            left.append(
                f"{batch.waiting} batch requests in line, {batch.in_flight} under way, {batch.waiting_bytes} bytes"
            )
        for tier in self._policy.snapshot.tiers.values():
            for endpoint in tier.endpoints:
                state = world.endpoints.state(endpoint)
                if is_quiet and state.breaker.is_open:
                    left.append(f"{endpoint.id} is not given requests")
                if state.in_flight:
                    left.append(f"{state.in_flight} in flight at {endpoint.id}")
        return left

    def _world(self, number: int, clock: Clock, network: SimNetwork) -> World:
        run, policy, stores = self._run, self._policy, self._stores
        return World(
            policy=policy,
            clock=clock,
            new_request_id=lambda: RequestId(f"{REQUEST_PREFIX}{self._current}"),
            chance=Random(f"chance {run.case.seed}{f' {number}' if number else ''}").random,
            later=lambda action: _after(self._loop, action),
            scorers={policy.snapshot.artefact: _SimScorer({prompt_of(ask): ask for ask in run.case.asks})},
            cache=WatchedCache(stores.cache, run.waits),
            cache_master=b"master secret of the simulation",
            semantic=semantic_parts(stores.semantic, policy.snapshot.artefact, probability=0.6),
            flights=Flights(stores.cache.release),
            conversations=WatchedConversations(stores.conversations, run.waits),
            ledger=WatchedLedger(stores.ledger, run.ledger, run.waits, run.history),
            receipts=stores.receipts,
            answered=stores.answered,
            reservoir=stores.reservoir,
            records=KeptRecords(),
            recorder=_Recorder(run),
            transports={"lean": network},
            prefixes=PrefixIndex(),
            batch=WatchedLane(run),
            report_fault=lambda request, fault: run.reported.append((request, fault)),
            exchange=lambda plan, budget: _Watched(plan, budget, self._told),
        )

    def _told(self, state: str, event: Event, commands: Commands) -> None:
        name = pair_name(state, event)
        self._run.pairs[name] += 1
        said = ", ".join([type(command).__name__ for command in commands])
        self._run.history.note("exchange", f"{name} -> {said or 'nothing'}")


def pair_name(state: str, event: Event) -> str:
    """Name a pair of the exchange machine; a timer is told by which it is."""
    name = type(event).__name__
    return f"{state} × {name}({event.timer.value})" if isinstance(event, TimerFired) else f"{state} × {name}"


@dataclass(slots=True)
class _Recorder:
    """Keeps every receipt."""

    run: Run

    def record(self, receipt: Receipt) -> None:
        """Keep it."""
        self.run.receipts.append(receipt)
        charged = receipt.charge_usd_nano
        self.run.history.note("receipt", f"{receipt.request_id} {receipt.outcome} {receipt.error} charged {charged}")


@dataclass(slots=True)
class _SimScorer:
    """Finds every request of middling difficulty, after as long as the case says."""

    asks: dict[str, Ask]

    async def score(self, request: CanonicalRequest, choice: ScorerChoice, asks: Callable[[Score], bool]) -> Score:
        """Score a request."""
        delay_s = self.asks[request.user_text].scored_in_s
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        return Score((0.0, 0.0), 1.0, "simulated")


class _Watched(Exchange):
    """The exchange machine, which tells what it is told and what it says."""

    __slots__ = ("_tell",)

    def __init__(self, plan: Plan, budget: RetryBudget, tell: Callable[[str, Event, Commands], None]) -> None:
        super().__init__(plan, budget)
        self._tell = tell

    def handle(self, event: Event, now_s: float) -> Commands:
        """Take an event and return what to do now, in order."""
        state = self.state.value
        commands = super().handle(event, now_s)
        self._tell(state, event, commands)
        return commands


def _after(loop: VirtualLoop, action: Callable[[], None]) -> None:
    loop.call_later(_LATER_S, action)
