"""The steps of a request, each as a call of the function that serves it, ready to be timed.

What is left out is what a loop without a network cannot show: HTTP in and out, the event loop, the pool of connections.
The comparison shows the whole.
"""

import itertools
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.adapters.artefact import FoldedTable
from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.memory_ledger import MemoryLedger
from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.adapters.metrics import Metrics
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.core.accounting import baseline_usd_nano, hold_amount_usd_nano, hold_tokens, settlement_of
from gateway.core.admission import Admission
from gateway.core.cache_rules import ANY_AGE, CacheTerms, bar_to_read, exact_key, tenant_secret
from gateway.core.exchange import Exchange
from gateway.core.exchange_events import Begin, Ended, FirstContent, Plan, Rung
from gateway.core.picker import EndpointTable
from gateway.core.routing import decide
from gateway.domain.ability import Ability, Score
from gateway.domain.decision import Decision
from gateway.domain.dial import Dial
from gateway.domain.identity import CachedAnswer, CacheScope
from gateway.domain.ids import EndpointId, KeyId, ModelAlias, RequestId, RouteName, SnapshotId, TenantId, TierName
from gateway.domain.ledger import Allowance, Hold
from gateway.domain.limits import EdgeLimits
from gateway.domain.money import Price
from gateway.domain.outcome import FailureKind, Outcome
from gateway.domain.receipt import AttemptReport, Receipt, StageTimes
from gateway.domain.request import CanonicalRequest, Need, Operation
from gateway.domain.tier import Endpoint, Tier, TierLimits
from gateway.domain.usage import TokenUsage
from gateway.wire.forward import upstream_body
from gateway.wire.identity import cache_identity
from gateway.wire.openai_request import canonicalise
from gateway.wire.stream_scanner import StreamScanner
from load_tests.answers import content_event

T = TypeVar("T")

BUDGETS_US = {
    "admit": 15,
    "canonicalise": 20,
    "lookup": 10,
    "score": 20,
    "decide": 20,
    "dispatch": 40,
    "relay": 6,
    "account": 10,
    "record": 15,
}
"""Each stage's budget of our own CPU, from the design; of relay, per chunk."""

TENANT = TenantId("team")
KEY = KeyId("team/0")
ROUTE = RouteName("balanced")
LIMITS = EdgeLimits()
USAGE = TokenUsage(412, 96)
ALLOWANCE = Allowance(budget_usd_nano=10**15, requests_per_minute=10**9)
KEPT = 64
"""Receipts that are kept while twice as many are put in turn, so that each drops the oldest."""
SCALE_OF_LOADINGS = 0.3
"""About what trained abilities have; the cost of the sum does not depend on it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One function of a stage. A call does the whole of it once."""

    stage: str
    name: str
    call: Callable[[], object]


class StillClock:
    """A clock that never moves: reading the time is priced with the loop, not here."""

    def now_s(self) -> float:
        """Monotonic seconds."""
        return 1_000.0

    def wall_s(self) -> float:
        """Seconds since the epoch."""
        return 1_800_000_000.0


def run_now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, without a loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("it waits, so it cannot be timed without a loop")


def steps_of(body: bytes, table: FoldedTable) -> Iterator[Step]:
    """Yield the steps for a request with this body, in the order of the journey."""
    request = canonicalise(Operation.CHAT, body, LIMITS)
    tiers, dial = _tiers(table.latent), Dial(1_000.0, True, (0.5, 0.5), 0.95, 0.95, 0.4)
    scorer = FoldedScorer(table)
    score = run_now(scorer.score(request))
    decision = decide(request, score, tiers, dial, route=ROUTE)
    yield from _until_scored(body, request, scorer)
    yield from _decided(request, score, tiers, dial)
    yield Step("dispatch", "upstream_body", lambda: upstream_body(request, tiers[0].model, ask_usage=True))
    yield Step("dispatch", "Exchange: begin, content, end", lambda: _exchange(decision))
    yield Step("relay", "StreamScanner: one chunk", _one_chunk())
    yield from _accounted(request, tiers)
    yield from _recorded(decision)


def _until_scored(body: bytes, request: CanonicalRequest, scorer: FoldedScorer) -> Iterator[Step]:
    admission, cache, secret = Admission(), MemoryCache(StillClock()), tenant_secret(b"master", TENANT)
    terms, scope = CacheTerms(3_600.0, 2.0), CacheScope(TENANT, secret)
    miss = exact_key(scope, b"asked by nobody")
    hit = exact_key(scope, cache_identity(request))
    cache.put(hit, CachedAnswer(b"{}" * 400, "small", "simulated-small", 412, 96, 0.0), 3_600.0)

    def admit() -> None:
        admission.enter(KEY, LIMITS)
        admission.leave(KEY)

    yield Step("admit", "Admission: enter, leave", admit)
    yield Step("canonicalise", "canonicalise", lambda: canonicalise(Operation.CHAT, body, LIMITS))
    yield Step("lookup", "bar_to_read", lambda: bar_to_read(terms, request, ANY_AGE))
    yield Step("lookup", "tenant_secret", lambda: tenant_secret(b"master", TENANT))
    yield Step("lookup", "cache_identity, exact_key", lambda: exact_key(scope, cache_identity(request)))
    yield Step("lookup", "MemoryCache.get, a miss", lambda: run_now(cache.get(miss)))
    yield Step("score", "FoldedScorer.score", lambda: run_now(scorer.score(request)))


def _decided(request: CanonicalRequest, score: Score, tiers: tuple[Tier, ...], dial: Dial) -> Iterator[Step]:
    endpoints, ledger, numbers = EndpointTable(), MemoryLedger(StillClock()), itertools.count()

    def hold() -> None:
        amount, tokens = hold_amount_usd_nano(request, tiers), hold_tokens(request, tiers)
        made = Hold(RequestId(f"hold-{next(numbers)}"), TENANT, ALLOWANCE, amount, tokens, 180.0)
        run_now(ledger.hold(made))
        run_now(ledger.settle(settlement_of(made, USAGE, 1_000)))

    yield Step("decide", "EndpointTable.unavailable", lambda: endpoints.unavailable(tiers, 1_000.0))
    yield Step("decide", "routing.decide, two tiers", lambda: decide(request, score, tiers, dial, route=ROUTE))
    yield Step("decide", "MemoryLedger: hold, settle (limited tenants)", hold)


def _exchange(decision: Decision) -> None:
    rungs = tuple(Rung(tier, 1, 4.0, 30.0) for tier in decision.ladder)
    exchange = Exchange(Plan(rungs, 3, frozenset(FailureKind), 1_120.0))
    exchange.handle(Begin(), 1_000.0)
    exchange.handle(FirstContent(0), 1_000.1)
    exchange.handle(Ended(0), 1_000.2)


def _one_chunk() -> Callable[[], bytes]:
    scanner = StreamScanner(include_usage=False)
    chunk = content_event("simulated", 1)
    return lambda: scanner.feed(chunk)


def _accounted(request: CanonicalRequest, tiers: tuple[Tier, ...]) -> Iterator[Step]:
    yield Step("account", "charge", lambda: tiers[0].price.charge_usd_nano(USAGE))
    yield Step("account", "baseline_usd_nano", lambda: baseline_usd_nano(tiers[-1], USAGE))


def _recorded(decision: Decision) -> Iterator[Step]:
    metrics, receipts = Metrics(), MemoryReceipts(KEPT)
    sample = receipt_of(decision, RequestId("sample"))
    others = itertools.cycle([receipt_of(decision, RequestId(f"r-{number}")) for number in range(2 * KEPT)])
    yield Step("record", "Receipt", lambda: receipt_of(decision, RequestId("sample")))
    yield Step("record", "MemoryReceipts.put", lambda: receipts.put(next(others)))
    yield Step("record", "Metrics.record", lambda: metrics.record(sample))


def receipt_of(decision: Decision, request_id: RequestId) -> Receipt:
    """Build the receipt of a plain request answered at the first attempt."""
    tier = decision.ladder[0]
    attempt = AttemptReport(0, tier, EndpointId(f"{tier}/0"), 0.1, 8.0, 8.1, 8.2, 200, None, "")
    return Receipt(
        request_id=request_id,
        received_at_s=1_800_000_000.0,
        snapshot=SnapshotId("0123456789ab"),
        tenant=TENANT,
        key=KEY,
        operation=Operation.CHAT,
        alias=ModelAlias("auto"),
        stream=False,
        outcome=Outcome.SUCCESS_UPSTREAM,
        error=None,
        status=200,
        cache="miss",
        tier=tier,
        served_model="simulated-small",
        decision=decision,
        attempts=(attempt,),
        usage=USAGE,
        charge_usd_nano=39_800,
        baseline_usd_nano=1_990_000,
        finish_reason="stop",
        times=StageTimes(0.02, 0.04, 0.05, 0.07, 0.09, 8.1, 8.3),
        external_ms=8.0,
    )


def _tiers(latent: int) -> tuple[Tier, ...]:
    return (
        _tier("small", 0, -0.2, latent, Price(50_000, 10_000, 200_000)),
        _tier("large", 1, 1.4, latent, Price(2_500_000, 1_250_000, 10_000_000)),
    )


def _tier(name: str, rank: int, intercept: float, latent: int, price: Price) -> Tier:
    endpoint = Endpoint(EndpointId(f"{name}/0"), "http://127.0.0.1:9101/v1", "openai", None, "lean")
    return Tier(
        name=TierName(name),
        rank=rank,
        model=f"simulated-{name}",
        price=price,
        context_tokens=128_000,
        supports=Need.TOOLS,
        max_output_tokens=4_096,
        expected_output_tokens=300,
        ability=Ability(name, intercept, (SCALE_OF_LOADINGS,) * latent, 0.1, 0.6, ()),
        limits=TierLimits(ttft_s=20.0, ttft_s_per_input_token=0.0, stall_s=30.0, connect_s=1.0, in_flight=64),
        endpoints=(endpoint,),
    )
