"""The steps of a request, each as a call of the function that serves it, ready to be timed.

What is left out is what a loop without a network cannot show: HTTP in and out, the event loop, the pool of connections.
The comparison shows the whole.
"""

import itertools
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from gateway.adapters.artefact import FoldedTable
from gateway.adapters.genai_figures import GenAiFigures
from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.memory_ledger import MemoryLedger
from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.adapters.metrics import Metrics
from gateway.adapters.request_log import line_of
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.adapters.telemetry_choice import is_exported
from gateway.adapters.trace_ids import TraceIds
from gateway.core.accounting import baseline_usd_nano, hold_amount_usd_nano, hold_tokens, settlement_of
from gateway.core.admission import Admission
from gateway.core.cache_rules import ANY_AGE, bar_to_read, exact_key, tenant_secret
from gateway.core.exchange import Exchange
from gateway.core.exchange_events import Begin, Ended, FirstContent, Plan, Rung
from gateway.core.picker import EndpointTable
from gateway.core.retry_budget import RetryBudget
from gateway.core.routing import decide
from gateway.domain.ability import Score, ScorerChoice
from gateway.domain.cache_terms import CacheTerms
from gateway.domain.decision import Decision
from gateway.domain.dial import Certificate, Dial
from gateway.domain.identity import CachedAnswer, CacheScope
from gateway.domain.ids import RequestId, RouteName
from gateway.domain.ledger import Hold
from gateway.domain.outcome import FailureKind
from gateway.domain.receipt import ReceiptTerms
from gateway.domain.request import CanonicalRequest, Operation
from gateway.domain.tier import Tier
from gateway.domain.trace import Trace
from gateway.pipeline.admit import identify
from gateway.pipeline.known_requests import KnownRequests
from gateway.wire.forward import upstream_body
from gateway.wire.headers import check_content_headers, upstream_headers
from gateway.wire.identity import cache_identity
from gateway.wire.openai_request import canonicalise
from gateway.wire.openai_response import read_answer
from gateway.wire.stream_scanner import StreamScanner
from gateway.wire.trace_context import read_trace, write_trace
from load_tests.answers import content_event, plain_reply
from load_tests.stage_samples import ALLOWANCE, HEADERS, KEY, LIMITS, TENANT, USAGE, receipt_of, snapshot, two_tiers

T = TypeVar("T")
LINES = msgspec.json.Encoder()

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

ROUTE = RouteName("balanced")
KEPT = 64
"""Receipts that are kept while twice as many are put in turn, so that each drops the oldest."""


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
    tiers, dial = two_tiers(table.latent), Dial(1_000.0, Certificate.MODEL, (0.5, 0.5), 0.95, 0.95, 0.4)
    scorer, answer = FoldedScorer(table), plain_reply("simulated", 450).partition(b"\r\n\r\n")[2]
    score = scorer.score_text(request.user_text, request.context_text, request.turns)
    decision = decide(request, score, tiers, dial, route=ROUTE)
    budget = RetryBudget()
    yield from _until_scored(body, request, scorer)
    yield from _decided(request, score, tiers, dial)
    yield Step("dispatch", "upstream_body", lambda: upstream_body(request, tiers[0].model, ask_usage=True))
    yield Step("dispatch", "upstream_headers", lambda: upstream_headers("req_0", None, stream=False))
    place = TraceIds(0.01).begin(None)
    yield Step("dispatch", "write_trace (with a collector)", lambda: write_trace(place, 0))
    yield Step("dispatch", "Exchange: begin, content, end", lambda: _exchange(decision, budget))
    yield Step("dispatch", "read_answer", lambda: read_answer(answer))
    yield Step("relay", "StreamScanner: one chunk", _one_chunk())
    yield from _accounted(request, tiers)
    yield from _recorded(decision)


def _until_scored(body: bytes, request: CanonicalRequest, scorer: FoldedScorer) -> Iterator[Step]:
    admission, cache, secret = Admission(), MemoryCache(StillClock()), tenant_secret(b"master", TENANT)
    terms, scope = CacheTerms(3_600.0, 2.0), CacheScope(TENANT, secret)
    miss = exact_key(scope, b"asked by nobody")
    hit = exact_key(scope, cache_identity(request))
    cache.put(hit, CachedAnswer(b"{}" * 400, "small", "simulated-small", 412, 96, 0.0), 3_600.0)

    known = snapshot()

    def identified() -> None:
        identify(HEADERS, known)
        check_content_headers(HEADERS)

    def admit() -> None:
        admission.leave(admission.enter(KEY, TENANT, 1.0, LIMITS), LIMITS)

    yield Step("admit", "identify, check_content_headers", identified)
    yield Step("admit", "Admission: enter, leave", admit)
    traces = TraceIds(0.01)
    yield Step("admit", "read_trace, TraceIds.begin (with a collector)", lambda: traces.begin(read_trace(HEADERS)))
    known_requests = KnownRequests()
    yield Step(
        "canonicalise", "KnownRequests.find, a miss", lambda: known_requests.find(TENANT, Operation.CHAT, body, LIMITS)
    )
    yield Step("canonicalise", "canonicalise", lambda: canonicalise(Operation.CHAT, body, LIMITS))
    yield Step("lookup", "bar_to_read", lambda: bar_to_read(terms, request, ANY_AGE))
    yield Step("lookup", "tenant_secret", lambda: tenant_secret(b"master", TENANT))
    yield Step("lookup", "cache_identity, exact_key", lambda: exact_key(scope, cache_identity(request)))
    yield Step("lookup", "MemoryCache.get, a miss", lambda: run_now(cache.get(miss)))
    asked = ScorerChoice.AUTO, lambda _: False
    yield Step("score", "FoldedScorer.score", lambda: run_now(scorer.score(request, *asked)))


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


def _exchange(decision: Decision, budget: RetryBudget) -> None:
    rungs = tuple(Rung(tier, 1, 4.0, 30.0) for tier in decision.ladder)
    exchange = Exchange(Plan(rungs, 3, frozenset(FailureKind), 1_120.0), budget)
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
    metrics, receipts = Metrics(), MemoryReceipts(ReceiptTerms(KEPT), StillClock())
    sample = receipt_of(decision, RequestId("sample"))
    others = itertools.cycle([receipt_of(decision, RequestId(f"r-{number}")) for number in range(2 * KEPT)])
    yield Step("record", "Receipt", lambda: receipt_of(decision, RequestId("sample")))
    yield Step("record", "MemoryReceipts.put", lambda: receipts.put(next(others)))
    yield Step("record", "Metrics.record", lambda: metrics.record(sample))
    yield Step("record", "line_of, encoded", lambda: LINES.encode(line_of(sample)))
    figures, traced = GenAiFigures(), replace(sample, trace=Trace("a" * 32, "b" * 16, "", False, makes_spans=True))
    yield Step("record", "GenAiFigures.record (with a collector)", lambda: figures.record(traced))
    yield Step("record", "is_exported (with a collector)", lambda: is_exported(traced, 10_000.0))
