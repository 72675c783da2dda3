"""A whole gateway in memory: the real pipeline over the fake network, real memory stores and a policy given as text."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from gateway.adapters.memory_answered import MemoryAnswered
from gateway.adapters.memory_cache import MemoryCache
from gateway.adapters.memory_conversations import MemoryConversations
from gateway.adapters.memory_ledger import MemoryLedger
from gateway.adapters.memory_receipts import MemoryReceipts
from gateway.adapters.memory_reservoir import MemoryReservoir
from gateway.core.prefix_index import PrefixIndex
from gateway.domain.ability import Score, ScorerChoice
from gateway.domain.feedback import AnsweredRequest, Feedback
from gateway.domain.ids import RequestId
from gateway.domain.ledger import UNLIMITED, Hold, HoldVerdict, Settlement
from gateway.domain.outcome import FailureKind
from gateway.domain.receipt import Receipt, ReceiptTerms
from gateway.domain.request import CanonicalRequest, Operation
from gateway.pipeline.drive import Pipeline
from gateway.pipeline.flights import Flights
from gateway.pipeline.world import SemanticParts, World
from gateway.policy.snapshot import PolicySnapshot
from gateway.ports import CacheStore, Ledger, LedgerUnavailable, Scorer
from tests.support.behaviours import speaks
from tests.support.clocks import ManualClock
from tests.support.fake_inbound import FakeClient
from tests.support.fake_transport import FakeTransport
from tests.support.scripts import Behaviour, Reply, Script, SeenRequest
from tests.support.scripts import Hold as Silence
from tests.support.semantic import no_semantic
from tests.unit.policy.worlds import snapshot_of

TWO_TIERS = """\
version: 1
tiers:
  small:
    model: answer
    price: {input: 1, output: 2}
    context: 32k
    supports: [tools]
    ability: {like: llama-3.1-8b-instruct}
    limits: {connect: 100ms, ttft: 100ms, stall: 100ms, answer: 100ms}
    endpoints: [{url: "http://small-a:8000/v1"}, {url: "http://small-b:8000/v1"}]
  large:
    model: answer-large
    price: {input: 10, output: 20}
    context: 128k
    supports: [tools, vision, json_schema]
    ability: {like: gpt-4o}
    limits: {connect: 100ms, ttft: 100ms, stall: 100ms, answer: 100ms}
    endpoints: [{url: "http://large:8000/v1"}]
models:
  auto: {route: balanced}
  small: {tier: small}
  large: {tier: large}
routes:
  balanced: {dial: 1000000, cache: {exact: 1h, max_temperature: 1}}
"""
"""At such a dial every request starts on the small tier."""

CLOSED = """\
tenants:
  team: {keys: [env:SEARCH_KEY], budget: {usd: 1, window: day}, allow: {pin_tier: true}}
  guest: {keys: [env:BATCH_KEY], rate: {rpm: 2}, tiers: [small], models: [auto]}
"""
KEYED = TWO_TIERS + CLOSED
TEAM_KEY, GUEST_KEY = b"sk-search", b"sk-batch"
CHAT: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
STREAM: dict[str, Any] = {**CHAT, "stream": True}


MIDDLING = Score((0.0, 0.0), 1.0, "fixed")


@dataclass(slots=True)
class FixedScorer:
    """Finds every request wholly familiar and of middling difficulty, and asks whether that leaves the choice open."""

    found: Score = MIDDLING
    asked: int = 0
    choices: list[ScorerChoice] = field(default_factory=list)
    is_open: list[bool] = field(default_factory=list)

    async def score(self, request: CanonicalRequest, choice: ScorerChoice, asks: Callable[[Score], bool]) -> Score:
        """Count the question."""
        self.asked += 1
        self.choices.append(choice)
        self.is_open.append(asks(self.found))
        return self.found


@dataclass(slots=True)
class Books:
    """A ledger that grants everything and remembers, or never answers a hold."""

    answers: bool = True
    holds: list[Hold] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)

    async def hold(self, hold: Hold) -> HoldVerdict:
        """Note the hold and grant it."""
        self.holds.append(hold)
        if not self.answers:
            raise LedgerUnavailable
        return UNLIMITED

    async def settle(self, settlement: Settlement) -> None:
        """Note the settlement."""
        self.settlements.append(settlement)

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass(slots=True)
class Policy:
    """The policy in force."""

    snapshot: PolicySnapshot


@dataclass(slots=True)
class Kept:
    """Remembers receipts in order."""

    receipts: list[Receipt] = field(default_factory=list)

    def record(self, receipt: Receipt) -> None:
        """Keep it."""
        self.receipts.append(receipt)


@dataclass(slots=True)
class KeptRecords:
    """Remembers training records in order."""

    rows: list[tuple[AnsweredRequest, Feedback | None]] = field(default_factory=list)

    def write(self, answered: AnsweredRequest, feedback: Feedback | None) -> None:
        """Keep it."""
        self.rows.append((answered, feedback))

    @property
    def labels(self) -> list[float | None]:
        """What was said, row by row."""
        return [None if said is None else said.score for _, said in self.rows]


class Gateway:
    """One worker. `ask` sends a request and returns what its client saw."""

    def __init__(
        self,
        policy: str = TWO_TIERS,
        cache: CacheStore | None = None,
        *,
        ledger: Ledger | None = None,
        scorer: Scorer | None = None,
        semantic: SemanticParts | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.network = FakeTransport()
        self.scorer = scorer if isinstance(scorer, FixedScorer) else FixedScorer()
        self.kept = Kept()
        self.records = KeptRecords()
        self.faults: list[BaseException] = []
        self.traced: list[tuple[str, str]] = []
        """Requests whose prompt may go to the collector, with it."""
        self.policy = Policy(snapshot_of(policy))
        numbers = count(1)
        cache = cache or MemoryCache(self.clock)
        self.world = World(
            policy=self.policy,
            clock=self.clock,
            new_request_id=lambda: RequestId(f"req_{next(numbers)}"),
            chance=lambda: 0.0,
            later=lambda action: action(),
            scorers={self.policy.snapshot.artefact: scorer or self.scorer},
            cache=cache,
            cache_master=b"master secret of the tests",
            semantic=semantic or no_semantic(self.clock),
            flights=Flights(cache.release),
            conversations=MemoryConversations(self.clock),
            ledger=ledger or MemoryLedger(self.clock),
            receipts=MemoryReceipts(ReceiptTerms(100), self.clock),
            answered=MemoryAnswered(100),
            reservoir=MemoryReservoir(),
            records=self.records,
            recorder=self.kept,
            transports={"lean": self.network, "httpx": self.network},
            prefixes=PrefixIndex(),
            trace_text=lambda receipt, text: self.traced.append((receipt.request_id, text)),
            report_fault=lambda _, fault: self.faults.append(fault),
        )
        self.pipeline = Pipeline(self.world)

    @property
    def receipt(self) -> Receipt:
        """The receipt of the last request."""
        return self.kept.receipts[-1]

    def client(
        self, body: dict[str, Any] | bytes, *, key: bytes | None = None, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> FakeClient:
        """Make a client with a request to send."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        authorization = () if key is None else ((b"authorization", b"Bearer " + key),)
        return FakeClient(raw, headers=((b"content-type", b"application/json"), *authorization, *headers))

    async def serve(self, client: FakeClient, operation: Operation = Operation.CHAT) -> FakeClient:
        """Answer a client to the end."""
        await self.pipeline(operation, client.inbound, client.responder)
        assert self.world.admission.in_flight == 0, "a request was counted in and not out"
        assert self.kept.receipts, "every request leaves a receipt"
        return client

    async def ask(
        self,
        body: dict[str, Any] | bytes,
        *,
        key: bytes | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        operation: Operation = Operation.CHAT,
    ) -> FakeClient:
        """Send a request and wait for its end."""
        return await self.serve(self.client(body, key=key, headers=headers), operation)


def answer_of(client: FakeClient) -> dict[str, Any]:
    """Return the JSON that a client received."""
    value: dict[str, Any] = json.loads(client.responder.body)
    return value


def error_of(client: FakeClient) -> dict[str, Any]:
    """Return the error that a client received as a response of its own."""
    error: dict[str, Any] = answer_of(client)["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return error


def events_of(client: FakeClient) -> list[bytes]:
    """Return the payloads of the stream that a client received."""
    assert client.responder.headers[b"content-type"].startswith(b"text/event-stream")
    blocks = client.responder.body.split(b"\n\n")
    assert blocks.pop() == b"", "a stream ends with a whole event"
    return [block.removeprefix(b"data: ") for block in blocks]


def text_of(client: FakeClient) -> str:
    """Return the text of a streamed answer."""
    chunks = [json.loads(payload) for payload in events_of(client) if payload != b"[DONE]"]
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk.get("choices"))


def hosts(gateway: Gateway) -> list[str]:
    """Name the model servers that were asked, in order."""
    return [dict(seen.headers)[b"host"].decode() for seen in gateway.network.requests]


def failures(gateway: Gateway) -> list[FailureKind | None]:
    """Tell how each attempt of the last request ended."""
    return [attempt.failure for attempt in gateway.receipt.attempts]


def held_until(released: asyncio.Event) -> Behaviour:
    """Let a server keep its answer to itself until the event is set."""

    def behave(request: SeenRequest) -> Script:
        script = speaks()(request)
        assert isinstance(script, Reply)
        return replace(script, before=(Silence(released),))

    return behave
