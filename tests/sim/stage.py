"""Plays a case: the real pipeline, with real stores and compiled policy, among simulated servers and clients."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from gateway.adapters.memory_answered import MemoryAnswered
from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.memory_conversations import MemoryConversations
from gateway.adapters.memory_ledger import MemoryLedger
from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.adapters.memory_reservoir import MemoryReservoir
from gateway.app.endpoint_watch import EndpointWatch
from gateway.core.admission import Admission
from gateway.core.cost_storm import CostStorms
from gateway.core.exchange import Exchange
from gateway.core.exchange_events import Commands, Event, Plan, TimerFired
from gateway.core.hedging import HedgeBudget
from gateway.core.picker import EndpointTable
from gateway.core.retry_budget import RetryBudget
from gateway.core.strongest_share import StrongestShares
from gateway.core.tier_slo import TierSlos
from gateway.domain.ability import Score, ScorerChoice
from gateway.domain.ids import RequestId
from gateway.domain.ledger import Hold
from gateway.domain.receipt import Receipt
from gateway.domain.request import CanonicalRequest, Operation
from gateway.pipeline.drive import Pipeline
from gateway.pipeline.world import World
from gateway.policy.snapshot import PolicySnapshot
from tests.sim.case import Ask, Case, Mode
from tests.sim.client import SimClient, prompt_of
from tests.sim.history import History
from tests.sim.ledger import SimLedger
from tests.sim.loop import TURNS_MAX, Deadlock, Runaway, VirtualLoop, run_virtual, waiting
from tests.sim.policies import snapshot
from tests.sim.run import REQUEST_PREFIX, Run
from tests.sim.upstream import SimNetwork
from tests.support.gateways import KeptRecords

WALL_S: Final = 1_700_000_000.0
_SETTLING_S: Final = 30.0
"""How long after the last request everything must have come to rest."""
_LATER_S: Final = 0.02
_TURNS_EACH: Final = 200
"""Turns of the loop that a request may take, where there are thousands of them."""


def play(case: Case, *, is_told: bool = True) -> Run:
    """Run a case to its end. What goes wrong is told in the run, never raised.

    The history of many thousands of requests fills the memory: it is not kept unless it `is_told`.
    """
    turns_max = max(TURNS_MAX, _TURNS_EACH * len(case.asks))
    loop = VirtualLoop(Random(case.seed) if case.shuffled else None, turns_max)
    clock, history = SimClock(loop), History(loop.time, is_kept=is_told)
    books = MemoryLedger(clock)
    run = Run(case, history, loop.time(), SimLedger(books, case.ledger, history, loop.time()))
    try:
        run_virtual(_Stage(run, loop, clock, books).play(), loop)
    except (Deadlock, Runaway) as error:
        run.trouble.append(f"{type(error).__name__}: {error}")
    run.trouble += loop.trouble
    return run


@dataclass(slots=True)
class SimClock:
    """`ports.Clock` on the loop's time."""

    loop: VirtualLoop

    def now_s(self) -> float:
        """Monotonic seconds."""
        return self.loop.time()

    def wall_s(self) -> float:
        """Seconds since the epoch."""
        return WALL_S + self.loop.time()


def pair_name(state: str, event: Event) -> str:
    """Name a pair of the exchange machine; a timer is told by which it is."""
    name = type(event).__name__
    return f"{state} × {name}({event.timer.value})" if isinstance(event, TimerFired) else f"{state} × {name}"


class _Stage:
    """Everything that a run needs, built for it and dropped behind it."""

    def __init__(self, run: Run, loop: VirtualLoop, clock: SimClock, books: MemoryLedger) -> None:
        self._run = run
        self._loop = loop
        self._books = books
        self._clock = clock
        self._current = -1
        self._policy = _PolicyInForce(snapshot(run.case.shape, 0))

    async def play(self) -> None:
        """Let every client come at its time, and see that everything comes to rest."""
        run, case, loop = self._run, self._run.case, self._loop
        network = SimNetwork(case, run.history, lambda kind, phase: run.met.update([f"{kind} × {phase}"]))
        run.calls = network.calls
        world = self._world(network)
        for reload in case.reloads:
            loop.call_at(run.zero_s + reload.at_s, self._reload, reload.version)
        for standstill in case.standstills:
            loop.call_at(run.zero_s + standstill.at_s, self._stand_still, standstill.for_s)
        if case.drain_at_s >= 0:
            loop.call_at(run.zero_s + case.drain_at_s, self._drain, world)
        watch = loop.create_task(EndpointWatch(world).run())
        pipeline = Pipeline(world)
        tasks = [loop.create_task(self._serve(ask, pipeline), name=f"ask {ask.number}") for ask in case.asks]
        for task in tasks:
            await asyncio.wait((task,))
            if task.cancelled() or task.exception() is not None:
                run.trouble.append(f"{task.get_name()} raised {None if task.cancelled() else task.exception()!r}")
        await asyncio.sleep(_SETTLING_S)
        watch.cancel()
        await asyncio.wait((watch,))
        await run.ledger.aclose()
        self._look_around(world, network)
        await self._read_books()

    def _world(self, network: SimNetwork) -> World:
        run, policy = self._run, self._policy
        return World(
            policy=policy,
            clock=self._clock,
            new_request_id=lambda: RequestId(f"{REQUEST_PREFIX}{self._current}"),
            chance=Random(f"chance {run.case.seed}").random,
            later=lambda action: _after(self._loop, action),
            scorers={policy.snapshot.artefact: _SimScorer({prompt_of(ask): ask for ask in run.case.asks})},
            cache=MemoryCache(self._clock),
            cache_master=b"master secret of the simulation",
            conversations=MemoryConversations(self._clock),
            ledger=run.ledger,
            receipts=MemoryReceipts(100),
            answered=MemoryAnswered(100),
            reservoir=MemoryReservoir(),
            records=KeptRecords(),
            recorder=_Recorder(run),
            transports={"lean": network},
            endpoints=EndpointTable(),
            admission=Admission(),
            retries=RetryBudget(),
            hedges=HedgeBudget(),
            slos=TierSlos(),
            storms=CostStorms(),
            shares=StrongestShares(),
            report_fault=lambda request, fault: run.reported.append((request, fault)),
            exchange=lambda plan, budget: _Watched(plan, budget, self._told),
        )

    async def _serve(self, ask: Ask, pipeline: Pipeline) -> None:
        """Come as one client, and be there until the gateway is done."""
        run, loop = self._run, self._loop
        await asyncio.sleep(ask.at_s)
        client = run.clients[ask.number] = SimClient(ask, run.history, keyed=run.case.shape.keyed)
        client.note("comes")
        serving = loop.create_task(self._enter(client, pipeline))
        if ask.cut_after_s >= 0:
            await asyncio.wait((serving,), timeout=ask.cut_after_s)
            client.was_cut = not serving.done()
            serving.cancel()
        await asyncio.wait((serving,))
        client.over()
        if not serving.cancelled() and serving.exception() is not None:
            run.trouble.append(f"request {ask.number} raised {serving.exception()!r}")

    async def _enter(self, client: SimClient, pipeline: Pipeline) -> None:
        # The pipeline takes the policy and asks for the request's id before it waits for anything.
        self._current = client.ask.number
        self._run.in_force[self._current] = self._policy.snapshot
        await pipeline(Operation.CHAT, client.inbound, client.responder)

    def _reload(self, version: int) -> None:
        self._policy.snapshot = snapshot(self._run.case.shape, version)
        self._run.history.note("policy", f"version {version}")

    def _drain(self, world: World) -> None:
        world.admission.drain()
        self._run.drained_s = self._loop.time()
        self._run.history.note("process", "drains")

    def _stand_still(self, for_s: float) -> None:
        from_s = self._loop.time()
        self._loop.stand_still(for_s)
        self._run.stood_s.append((from_s, self._loop.time()))
        self._run.history.note("process", f"stood still for {for_s} s")

    def _told(self, state: str, event: Event, commands: Commands) -> None:
        name = pair_name(state, event)
        self._run.pairs[name] += 1
        said = ", ".join([type(command).__name__ for command in commands])
        self._run.history.note("exchange", f"{name} -> {said or 'nothing'}")

    def _look_around(self, world: World, network: SimNetwork) -> None:
        """Count what should be gone: tasks, timers, requests under way, calls, slots."""
        run, left = self._run, self._run.left_over
        left += [f"task {place}" for place in waiting(self._loop) if "_Stage.play" not in place]
        left += [f"timer {timer}" for timer in self._loop.timers()]
        if world.admission.in_flight:
            left.append(f"{world.admission.in_flight} requests counted in and not out")
        for host, server in network.servers.items():
            if not server.is_idle:
                left.append(f"slots of {host}")
        left += [f"open call {call.question.ask}.{call.question.call}" for call in run.calls if call.is_open]
        for tier in self._policy.snapshot.tiers.values():
            for endpoint in tier.endpoints:
                if run.case.mode is Mode.LIVENESS and world.endpoints.state(endpoint).breaker.is_open:
                    left.append(f"{endpoint.id} is not given requests")
                count = world.endpoints.state(endpoint).in_flight
                if count:
                    left.append(f"{count} in flight at {endpoint.id}")

    async def _read_books(self) -> None:
        """Ask what is left of every budget, by a hold of nothing."""
        for key in self._policy.snapshot.keys.values():
            tenant = key.tenant
            hold = Hold(RequestId(f"probe {tenant.id}"), tenant.id, tenant.allowance, 0, 0, 1.0)
            verdict = await self._books.hold(hold)
            if verdict.budget_left_usd_nano is not None:
                self._run.budget_left_usd_nano[tenant.id] = verdict.budget_left_usd_nano


@dataclass(slots=True)
class _PolicyInForce:
    snapshot: PolicySnapshot


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
