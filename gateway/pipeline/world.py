"""The world as the stages see it: every port in one place, chosen once by the composition root."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.core.admission import Admission
from gateway.core.batch_queue import BatchQueue
from gateway.core.cost_storm import CostStorms
from gateway.core.exchange import Exchange
from gateway.core.exchange_events import Plan
from gateway.core.hedging import HedgeBudget
from gateway.core.hit_proofs import HitProofs
from gateway.core.picker import EndpointTable
from gateway.core.prefix_index import PrefixIndex
from gateway.core.prompt_cache_keys import PromptCacheKeys
from gateway.core.retry_budget import RetryBudget
from gateway.core.strongest_share import StrongestShares
from gateway.core.tier_slo import TierSlos
from gateway.domain.ability import ScorerChoice
from gateway.domain.ids import RequestId
from gateway.domain.question import Question
from gateway.domain.receipt import Receipt
from gateway.domain.trace import Trace
from gateway.pipeline.flights import Flights
from gateway.pipeline.known_requests import KnownRequests
from gateway.policy.snapshot import PolicySnapshot, Route
from gateway.ports import (
    AnsweredStore,
    CacheStore,
    Clock,
    ConversationStore,
    Ledger,
    ReceiptStore,
    Recorder,
    Reservoir,
    Scorer,
    TrainingRecords,
    UpstreamTransport,
)
from gateway.ports_semantic import Embedder, HitVerifier, SemanticIndex


class PolicyInForce(Protocol):
    """Holds the snapshot in force. A request reads it once, in admit."""

    @property
    def snapshot(self) -> PolicySnapshot: ...


@dataclass(frozen=True, slots=True)
class HitJudge:
    """What tells whether two questions have the same answer. `name` names embedder and verifier with their versions."""

    name: str
    embedder: Embedder
    verifier: HitVerifier
    read: Callable[[str], Question]
    """The verifier's, which remembers what it has parsed."""


@dataclass(frozen=True, slots=True)
class HitJudges:
    """The judges of a difficulty model: by its static vectors, and by its encoder, where that runs."""

    static: HitJudge
    encoder: HitJudge | None = None

    def on(self, route: Route) -> HitJudge:
        """Return the encoder's where a route scores every request by the encoder, which then reads it once for both."""
        insists = route.scorer is ScorerChoice.ENCODER
        return self.encoder if insists and self.encoder is not None else self.static


@dataclass(frozen=True, slots=True)
class SemanticParts:
    """What semantic hits need. `judges` are by the digest of the difficulty model, as scorers are; it may have none."""

    judges: Mapping[str, HitJudges]
    index: SemanticIndex
    proofs: HitProofs


def _nobody(receipt: Receipt, text: str) -> None:
    """Take no notice."""


def _the_callers(caller: Trace | None) -> Trace | None:
    """Pass on what came."""
    return caller


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside the pipeline, and the state that outlives a policy reload; what has a default begins empty."""

    policy: PolicyInForce
    clock: Clock
    new_request_id: Callable[[], RequestId]
    chance: Callable[[], float]
    """Uniform in [0, 1)."""
    later: Callable[[Callable[[], None]], None]
    """Does something that can wait until the requests of this moment are served."""
    scorers: Mapping[str, Scorer]
    """By the digest of the difficulty model, which a snapshot names: score and abilities are of the same."""
    cache: CacheStore
    cache_master: bytes
    """Tenants' cache secrets are derived from it."""
    semantic: SemanticParts
    flights: Flights
    conversations: ConversationStore
    ledger: Ledger
    receipts: ReceiptStore
    answered: AnsweredStore
    reservoir: Reservoir
    records: TrainingRecords
    recorder: Recorder
    transports: Mapping[str, UpstreamTransport]
    """By the name an endpoint gives under `transport`."""
    prefixes: PrefixIndex
    report_fault: Callable[[RequestId, BaseException], None]
    """Where a programming error goes, with its traceback; never to the client."""
    known: KnownRequests = field(default_factory=KnownRequests)
    endpoints: EndpointTable = field(default_factory=EndpointTable)
    cache_keys: PromptCacheKeys = field(default_factory=PromptCacheKeys)
    slos: TierSlos = field(default_factory=TierSlos)
    storms: CostStorms = field(default_factory=CostStorms)
    shares: StrongestShares = field(default_factory=StrongestShares)
    admission: Admission = field(default_factory=Admission)
    batch: BatchQueue = field(default_factory=BatchQueue)
    retries: RetryBudget = field(default_factory=RetryBudget)
    hedges: HedgeBudget = field(default_factory=HedgeBudget)
    exchange: Callable[[Plan, RetryBudget], Exchange] = Exchange
    """Makes the machine that a request's calls follow."""
    trace_text: Callable[[Receipt, str], None] = _nobody
    """Is told the prompt of a request whose tenant lets it go to the collector, before its receipt is recorded."""
    place_in_trace: Callable[[Trace | None], Trace | None] = _the_callers
    """Gives a request its place in a trace, from its caller's; that very one where no spans are made."""
