"""The whole story of one request, kept for whoever asks why."""

from gateway.domain.ability import ClassifierOutcome
from gateway.domain.batch import BatchNote, Priority
from gateway.domain.decision import Decision
from gateway.domain.errors import ErrorCode
from gateway.domain.feedback import Feedback
from gateway.domain.ids import EndpointId, KeyId, ModelAlias, RequestId, RouteName, SnapshotId, TenantId, TierName
from gateway.domain.noun import noun
from gateway.domain.outcome import FailureKind, NoRetry, Outcome
from gateway.domain.request import Operation
from gateway.domain.semantic import SemanticFinding
from gateway.domain.trace import Trace
from gateway.domain.usage import TokenUsage

_BARE_BYTES, _VIEW_BYTES, _ATTEMPT_BYTES = 1_600, 750, 550
"""Measured with `tracemalloc`: of two views and two attempts 4,150 bytes."""


@noun
class AttemptReport:
    """One upstream call. Times are milliseconds since the request was received; None means it never came to that."""

    number: int
    tier: TierName
    endpoint: EndpointId
    started_ms: float
    headers_ms: float | None
    first_content_ms: float | None
    ended_ms: float
    status: int | None
    failure: FailureKind | None
    detail: str
    """What the transport or the server said, without secrets; empty on success."""
    charge_usd_nano: int = 0
    """What its answer cost, whether it was given or not good enough."""
    waste_usd_nano: int = 0
    """What a call that was given up cost, estimated: its prompt was read for nothing. Nobody is charged for it."""
    removed: tuple[str, ...] = ()
    """What its server could not accept and was not sent: what its tier `refuses`, and thoughts that others signed."""
    expected_cached_tokens: int = 0
    """Of the prompt, estimated, what its server was believed to have computed for an earlier one; the usage says what
    the one that answered had."""
    model: str = ""
    """The model that it was asked for, as its server knows it."""


@noun
class StageTimes:
    """When each stage ended, in milliseconds since the request was received; None if it did not get there."""

    admit_ms: float | None = None
    canonicalise_ms: float | None = None
    lookup_ms: float | None = None
    score_ms: float | None = None
    decide_ms: float | None = None
    first_content_ms: float | None = None
    end_ms: float = 0.0


@noun
class Receipt:
    """Everything recorded of a request. Money is nano-USD.

    `baseline_usd_nano` is what the same tokens would have cost at the strongest tier that was able: an estimate, since
    that tier would have written another answer.
    """

    request_id: RequestId
    received_at_s: float
    snapshot: SnapshotId
    tenant: TenantId | None
    key: KeyId | None
    operation: Operation | None
    alias: ModelAlias | None
    stream: bool
    outcome: Outcome
    error: ErrorCode | None
    status: int | None
    cache: str
    tier: TierName | None
    served_model: str | None
    decision: Decision | None
    attempts: tuple[AttemptReport, ...]
    usage: TokenUsage
    charge_usd_nano: int
    baseline_usd_nano: int
    finish_reason: str | None
    times: StageTimes
    external_ms: float
    """Union of the spans spent waiting for others (upstream, Redis), in milliseconds."""
    classifier: ClassifierOutcome | None = None
    """How the scoring ended, also where no decision came of it; None when the request did not get that far."""
    waste_usd_nano: int = 0
    """Sum of what the attempts wasted; not part of the charge."""
    no_retry: NoRetry | None = None
    """Why no further attempt was made; None where an attempt gave the answer, or the client left."""
    cache_entry: str | None = None
    """The name of the kept answer that was given, or under which this one is kept; None where nothing is."""
    cache_age_s: int | None = None
    """How old the kept answer was that was given, in whole seconds; None where none was."""
    semantic: SemanticFinding | None = None
    """What the look for the same question in other words came to; None where none was made."""
    route: RouteName | None = None
    """The route that the request took, whether or not anything was decided on it."""
    cache_saved_usd_nano: int = 0
    """What the kept answer that was given cost when a model server gave it, less what it was charged."""
    cache_saved_ms: float = 0.0
    """How long the model servers took over it then."""
    feedback: Feedback | None = None
    """What was said of the answer, by whoever asked for it."""
    trace: Trace | None = None
    """Where it belongs in a trace; None where its caller named none and the gateway begins none."""
    not_carried: tuple[str, ...] = ()
    """Members of a request in another dialect that the chat it was translated to leaves out."""
    priority: Priority = Priority.INTERACTIVE
    """Whether somebody waited for the answer. Of a batch request each amount is at its tier's batch price."""
    batch: BatchNote | None = None
    """What became of a batch request's wait for room; None of an interactive one."""


@noun
class ReceiptTerms:
    """How long receipts can be asked for: `kept` of each worker, within `bytes_max` of its memory, for `ttl_s`."""

    kept: int = 10_000
    ttl_s: float = 86_400.0
    bytes_max: int = 64 * 1024 * 1024


def weight_bytes(receipt: Receipt) -> int:
    """Estimate what a receipt takes of memory. Names that the policy has as well are there once."""
    decision = receipt.decision
    texts = [attempt.detail for attempt in receipt.attempts]
    return (
        _BARE_BYTES
        + (0 if decision is None else _VIEW_BYTES * len(decision.views))
        + _ATTEMPT_BYTES * len(texts)
        + sum(map(len, texts))
    )


def answering_endpoint(receipt: Receipt) -> EndpointId | None:
    """Name who gave the answer: of hedged calls the one that was not given up, or whose fault was not minded."""
    found: AttemptReport | None = None
    for attempt in receipt.attempts:
        if attempt.tier == receipt.tier and (found is None or found.detail or not attempt.detail):
            found = attempt
    return None if found is None else found.endpoint
