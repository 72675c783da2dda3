"""The compiled policy: immutable, every name resolved, bound once per request.

Nothing here is looked up by more than two mapping reads on the path of a request, and nothing changes after the
compiler returned it: a reload makes another snapshot, and requests under way keep theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.ability import Ability, ScorerChoice
from gateway.domain.batch import BatchTerms, Priority
from gateway.domain.cache_terms import CacheTerms
from gateway.domain.classifier import ClassifierTerms
from gateway.domain.conversation import DEFAULT_TERMS, ConversationTerms
from gateway.domain.dial import Dial, WhenUncertified, WhenUnknown
from gateway.domain.identity import Sharing
from gateway.domain.ids import KeyId, ModelAlias, RouteName, SnapshotId, TenantId, TierName
from gateway.domain.ledger import Allowance
from gateway.domain.limits import EdgeLimits
from gateway.domain.outcome import FailureKind
from gateway.domain.receipt import ReceiptTerms
from gateway.domain.semantic import SemanticTerms
from gateway.domain.tier import Tier

__all__ = [
    "BatchPolicy",
    "Dial",
    "Fallback",
    "FeedbackTerms",
    "HedgeTerms",
    "PolicySnapshot",
    "Route",
    "Target",
    "Tenant",
    "VirtualKey",
    "WhenUncertified",
    "WhenUnknown",
]


@dataclass(frozen=True, slots=True)
class Fallback:
    """Which failures of an attempt may be followed by another, and how many attempts there are in all.

    `replay` says that a request which a server may have worked on may be sent to another, `degrade` that a cheaper tier
    than the chosen one may answer.
    """

    on: frozenset[FailureKind]
    max_attempts: int
    replay: bool = True
    degrade: bool = True
    unfit: frozenset[FailureKind] = frozenset()
    """Those of `on` that are faults of a whole answer."""


@dataclass(frozen=True, slots=True)
class HedgeTerms:
    """When a route's requests are hedged. `after_s` None is when all but `share` of the tier's streams began."""

    after_s: float | None
    share: float
    prompt_tokens_max: int


@dataclass(frozen=True, slots=True)
class Route:
    """How requests of an alias are placed. `tiers` are cheapest first."""

    name: RouteName
    tiers: tuple[TierName, ...]
    quality: float | None
    when_uncertified: WhenUncertified
    dial: Dial
    fallback: Fallback
    deadline_s: float
    stream_deadline_s: float
    cache: CacheTerms
    cache_epoch: bytes = b""
    """Part of every cache key: names the models that may answer, so that changing one forgets its answers."""
    budget_share: float | None = None
    """Share of the strongest tier's cost that may be spent; None for no budget."""
    when_unknown: WhenUnknown = WhenUnknown.PRIOR
    scorer: ScorerChoice = ScorerChoice.AUTO
    conversation: ConversationTerms = DEFAULT_TERMS
    hedge: HedgeTerms | None = None
    heartbeat_s: float | None = None
    """Silence of a stream after which its client is sent a comment; None for never."""
    semantic: SemanticTerms | None = None
    """When an answer to the same question in other words is given; None for never."""
    priority: Priority = Priority.INTERACTIVE
    """`batch` where its requests are of the batch lane whatever they say."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a model alias stands for: a route; and the one tier, when the alias names a tier."""

    route: RouteName
    tier: TierName | None


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who pays. `tiers` None allows all; `may_pin` allows `x-tiergate-tier`; `may_debug` the debug headers."""

    id: TenantId
    allowance: Allowance
    tiers: frozenset[TierName] | None
    aliases: frozenset[ModelAlias] | None
    may_pin: bool
    may_debug: bool
    may_record_text: bool = False
    """Whether training records may hold this tenant's prompts."""
    trace_text_until_s: float | None = None
    """Until when its prompts go to the collector, in seconds since the epoch; None for never."""
    strongest_share: float | None = None
    """Share of a key's requests of an hour that the strongest tier may take; None for all."""
    cache_scope: str = "tenant"
    """With whom it shares kept answers, as its policy says."""
    share: float = 1.0
    """Its part of a busy worker, weighed against the shares of the others."""


@dataclass(frozen=True, slots=True)
class VirtualKey:
    """A credential we issued, without the credential."""

    id: KeyId
    tenant: Tenant
    sharing: Sharing | None = None
    """Whose kept answers it shares; None for those of its tenant."""
    priority: Priority = Priority.INTERACTIVE
    """`batch` where its requests are of the batch lane whatever they say."""

    @property
    def partition(self) -> TenantId:
        """Return in which part of the cache its answers lie; no other part is to be told from how this one behaves."""
        return self.tenant.id if self.sharing is None else self.sharing.partition


@dataclass(frozen=True, slots=True)
class FeedbackTerms:
    """Whose labels move a tenant's decisions, and the share of answered requests that leave a training record."""

    shared: bool = False
    sample: float = 0.0


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """The policy as batch requests see it: the tiers and routes that are open to them, with the prices they pay.

    `only` are the tiers that take no other requests.
    """

    terms: BatchTerms = field(default_factory=BatchTerms)
    tiers: Mapping[TierName, Tier] = field(default_factory=dict)
    routes: Mapping[RouteName, Route] = field(default_factory=dict)
    only: frozenset[TierName] = frozenset()


@dataclass(frozen=True, slots=True)
class PolicySnapshot:
    """Everything a request needs to know. `tiers` are in rank order, cheapest first.

    `tiers` are all, `routes` as interactive requests see them; one whose requests are all batch is that of `batch`.
    """

    id: SnapshotId
    tiers: Mapping[TierName, Tier]
    routes: Mapping[RouteName, Route]
    aliases: Mapping[ModelAlias, Target]
    keys: Mapping[bytes, VirtualKey]
    """By SHA-256 of the key."""
    open_key: VirtualKey | None
    """Who an unauthenticated caller is: set only in open mode, which binds loopback alone."""
    limits: EdgeLimits
    receipts: ReceiptTerms
    feedback: FeedbackTerms = FeedbackTerms()
    batch: BatchPolicy = field(default_factory=BatchPolicy)
    classifier: ClassifierTerms = field(default_factory=ClassifierTerms)
    artefact: str = ""
    """Digest of the difficulty model whose abilities the tiers have."""
    space: str = ""
    """The latent space in which those abilities mean something."""
    references: tuple[Ability, ...] = ()
    """The reference models of the difficulty model: how hard a request is is told by how many of them fail."""

    @property
    def is_open(self) -> bool:
        """Tell whether callers need no key."""
        return self.open_key is not None
