"""The records that the stages hand on. Each stage takes the one before and adds its own; none is changed afterwards.

The types keep the order: `decide` cannot be called with a request that was not scored. They are built once on the path
of every request, so they are slotted and not frozen (freezing costs 1–2 µs a record); the stages treat them as frozen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.admission import Place
from gateway.core.batch_queue import Seat
from gateway.core.cache_rules import CacheControl
from gateway.core.cost_storm import Climbing
from gateway.core.hit_proof import Terms
from gateway.core.hit_proofs import HitClass
from gateway.core.routing import Pin
from gateway.domain.ability import Score
from gateway.domain.conversation import ConversationKey, Standing
from gateway.domain.decision import Decision
from gateway.domain.errors import GatewayError
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import RequestId, TierName
from gateway.domain.ledger import Hold
from gateway.domain.outcome import NoRetry, Outcome
from gateway.domain.receipt import AttemptReport
from gateway.domain.request import CanonicalRequest, Operation
from gateway.domain.semantic import SemanticEntry, SemanticFinding, SemanticScope
from gateway.domain.tier import Tier
from gateway.domain.trace import Trace
from gateway.domain.usage import NO_USAGE, TokenUsage
from gateway.pipeline.flight import Flight
from gateway.policy.snapshot import PolicySnapshot, Route, VirtualKey
from gateway.ports import Inbound, Responder, Scorer
from gateway.wire.difficulty import DifficultyQuestion


@dataclass(slots=True)
class Arrival:
    """A request at the door. `received_s` is monotonic, `received_wall_s` since the epoch.

    `snapshot` and `scorer` are of the same difficulty model, and stay bound to the request's end. `hold` is what was
    claimed of the tenant's allowance, or may have been: it is settled however the request ends. `climbing` is its place
    in a dearer tier than it was meant for, from the decision on. `place` is its place among the requests under way; one
    of the batch lane has a `seat` instead, and nothing else makes it one. Both are given back at its end.
    """

    request_id: RequestId
    received_s: float
    received_wall_s: float
    operation: Operation
    inbound: Inbound
    responder: Responder
    snapshot: PolicySnapshot
    scorer: Scorer
    hold: Hold | None = None
    climbing: Climbing | None = None
    trace: Trace | None = None
    """Where it belongs in a trace."""
    place: Place | None = None
    seat: Seat | None = None


@dataclass(slots=True)
class Admitted:
    """A caller we know, and a body of acceptable size. The snapshot stays bound to the end."""

    arrival: Arrival
    key: VirtualKey
    body: bytes


@dataclass(slots=True)
class Canonical:
    """A sound request, the route it takes, and the one tier it may go to if the caller insists on one.

    `tiers` are all there are, as requests of its priority see them: their prices, and how far they may be filled.
    `identity` is its canonical bytes for the cache, where it is known already; see `known_requests`. `question` is set
    where the gateway itself is asked how hard the request is.
    """

    admitted: Admitted
    request: CanonicalRequest
    route: Route
    pin: Pin | None
    tiers: Mapping[TierName, Tier]
    identity: bytes | None = None
    question: DifficultyQuestion | None = None


@dataclass(slots=True)
class Asked:
    """A question that may be compared with others: where, under whose promise, and what it says."""

    scope: SemanticScope
    hit_class: HitClass
    terms: Terms
    text: str
    vector: bytes


@dataclass(slots=True)
class Sought:
    """What the look for the same question in other words came to; `asked` is None where it was not compared.

    `candidate` is the entry that the finding is about. `compares` says that its answer is held against the model's.
    """

    finding: SemanticFinding
    asked: Asked | None = None
    candidate: SemanticEntry | None = None
    compares: bool = False


@dataclass(slots=True)
class Looked:
    """What the cache said: `off`, `bypass` (the caller's wish), `miss`, `exact` or `semantic`.

    It says `coalesced` of a request while that follows another, and `hit` is then what the other is given. `key` is
    where the answer that was found lies, or a later one will; None stores nothing later. `sought` is None where other
    words were not looked for. `leads` is False while another worker asks for the answer.
    """

    canonical: Canonical
    cache: str
    control: CacheControl
    key: ExactKey | None
    hit: CachedAnswer | None
    waited_s: float
    purge: int = 0
    """Number of the tenant's last purge that was known then: an answer sought from here on is as new as that."""
    sought: Sought | None = None
    leads: bool = True


@dataclass(slots=True)
class Scored:
    """How hard the request is. `embedding` is kept apart from the score, which every receipt repeats."""

    looked: Looked
    score: Score
    embedding: bytes = b""


@dataclass(slots=True)
class Decided:
    """The ladder, with its tiers resolved, and its money held.

    `strongest` is the strongest able tier: what savings are measured against. `deadline_at_s` is monotonic.
    `conversation` is None for a request that goes on with none.
    """

    scored: Scored
    decision: Decision
    tiers: tuple[Tier, ...]
    strongest: Tier
    waited_s: float
    deadline_at_s: float
    conversation: ConversationKey | None = None
    standing: Standing | None = None
    """Where the conversation stands: its last turn's endpoint has its prefix, and the thoughts in it are its tier's."""


@dataclass(slots=True)
class Relayed:
    """How the exchange with the model servers ended. Seconds are monotonic.

    `tier` and `served_model` are None when no answer began, and `no_retry` then says why none was sought any more.
    `billed` is the usage of all answers together, of those that were not good enough, too. `answer` is the whole body,
    or the raw stream if that may be kept; `upstream_s` is the time from the first call's start to the last byte.
    """

    tier: Tier | None
    attempts: tuple[AttemptReport, ...]
    usage: TokenUsage
    billed: TokenUsage
    finish_reason: str | None
    has_tool_calls: bool
    served_model: str | None
    first_content_s: float | None
    upstream_s: float
    answer: bytes
    no_retry: NoRetry | None


@dataclass(slots=True)
class Trail:
    """How far a request came. The last two stages read it, however the request ended."""

    arrival: Arrival
    admitted: Admitted | None = None
    canonical: Canonical | None = None
    looked: Looked | None = None
    flight: Flight | None = None
    """The flight that this request leads, so that others may follow."""
    scored: Scored | None = None
    decided: Decided | None = None
    relayed: Relayed | None = None
    error: GatewayError | None = None
    outcome: Outcome = Outcome.INTERNAL
    status: int | None = None
    head_sent: bool = False
    last_byte_s: float | None = None
    """When a stream's client had its last byte, where what its server says of the answer was still awaited."""
    in_stream: bool = False
    """The client reads events, so that an error can still be told as one."""
    is_told: bool = False
    """The answer, or the error, has been sent to its end: nothing can be added to it."""
    is_kept: bool = False
    """The answer is kept for whoever asks the same again."""
    usage: TokenUsage = NO_USAGE
    charge_usd_nano: int = 0
    baseline_usd_nano: int = 0
    marks_s: list[float] = field(default_factory=list)
    """Monotonic time at the end of each stage reached, in the order of the journey."""

    @property
    def is_followed(self) -> bool:
        """Tell whether others wait for this request's answer."""
        return self.flight is not None and bool(self.flight.followers)
