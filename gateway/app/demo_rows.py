"""One row of the demo's table: what a request's headers and receipt say, and why it went where it went."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.app.cli_semantic_words import other_words
from gateway.app.decision_words import in_short, margin
from gateway.app.demo_questions import Question
from gateway.core.value import value_of
from gateway.domain.decision import Decision, ReasonCode, TierView
from gateway.domain.outcome import FailureKind
from gateway.domain.receipt import Receipt
from gateway.domain.semantic import SemanticEnd
from gateway.pipeline.lookup import COALESCED, EXACT, SEMANTIC
from gateway.wire.receipt_json import decode_receipt

HITS: Final = {EXACT: "asked before", COALESCED: "asked just now", SEMANTIC: "asked otherwise"}
"""What the cache says of an answer that it gave, and why it did."""
_WORTH_TELLING: Final = frozenset({SemanticEnd.HIT, SemanticEnd.SHADOW, SemanticEnd.REFUSED})
_FAILED: Final[Mapping[FailureKind, str]] = {
    FailureKind.CONNECT: "unreachable",
    FailureKind.NO_RESPONSE: "hung up",
    FailureKind.TTFT: "too slow",
    FailureKind.BUSY: "busy",
}
_CHOSEN: Final[Mapping[ReasonCode, str]] = {
    ReasonCode.BEST_VALUE: "best value",
    ReasonCode.STRONGEST_UNCERTIFIED: "strongest",
    ReasonCode.STRONGEST_UNKNOWN: "nothing known",
    ReasonCode.ONLY_ABLE: "only one able",
    ReasonCode.PINNED_BY_ALIAS: "named by client",
    ReasonCode.PINNED_BY_HEADER: "named by client",
}
_REMOVED: Final[Mapping[ReasonCode, str]] = {
    ReasonCode.UNHEALTHY: " is down",
    ReasonCode.FULL: " is full",
    ReasonCode.JSON_SCHEMA: ": no schemas",
    ReasonCode.SYSTEMONE: ": no typed questions",
    ReasonCode.DECISIONS: ": no typed questions",
    ReasonCode.RERANK: ": no reranking",
    ReasonCode.CONTEXT_WINDOW: ": too long",
    ReasonCode.TOOLS: ": no tools",
    ReasonCode.VISION: ": no images",
    ReasonCode.KEY_TIERS: " not allowed",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client got, and the gateway's receipt for it. `status` None: no answer came at all."""

    status: int | None
    headers: Mapping[str, str]
    text: str
    finish_reason: str | None
    error: str | None
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Row:
    """A request as the table shows it. Money is nano-USD, times are milliseconds at the gateway.

    `p` is P(acceptable) by tier, empty where nothing was decided. `ttft_ms` is for streams alone. `first_choice` is the
    tier that would have been taken had it not been down or failed; None where it was taken. `margin` is how far the
    nearest other tier was from the p at which it would have been the choice, `explained` the decision in words.
    `likeness` tells what came of comparing it with questions in other words, where one was near.
    """

    number: int
    question: str
    model: str
    stream: bool
    status: int | None
    tier: str | None
    p: Mapping[str, float]
    why: str
    cache: str
    attempts: int
    first_choice: str | None
    ttft_ms: float | None
    total_ms: float | None
    input_tokens: int
    output_tokens: int
    charge_usd_nano: int
    baseline_usd_nano: int
    finish_reason: str | None
    request_id: str | None
    text: str
    error: str | None
    margin: float | None = None
    explained: tuple[str, ...] = ()
    likeness: str | None = None

    @property
    def is_hit(self) -> bool:
        """Tell whether the cache answered."""
        return self.cache in HITS


def read_replies(line: str | bytes) -> list[Reply]:
    """Read a line of the client's process. Raises ValueError."""
    return [_reply(told) for told in json.loads(line)]


def _reply(told: Mapping[str, Any]) -> Reply:
    receipt = told.get("receipt")
    return Reply(
        told["status"],
        told["headers"],
        told["text"],
        told.get("finish_reason"),
        told.get("error"),
        None if receipt is None else decode_receipt(json.dumps(receipt).encode()),
    )


def row_of(number: int, question: Question, reply: Reply) -> Row:
    """Put together what is known of a request."""
    receipt, headers = reply.receipt, reply.headers
    decision = None if receipt is None else receipt.decision
    return Row(
        number=number,
        question=question.text,
        model=question.model,
        stream=question.stream,
        status=reply.status,
        tier=headers.get("x-tiergate-tier"),
        p={} if decision is None else {view.tier: view.p for view in decision.views},
        why=f"error {reply.status or ''}".rstrip() if receipt is None or reply.status != 200 else why(receipt),
        cache=headers.get("x-tiergate-cache", "–"),
        attempts=int(headers.get("x-tiergate-attempts", "0")),
        first_choice=None if receipt is None else first_choice(receipt),
        ttft_ms=_ttft_ms(receipt) if question.stream else None,
        total_ms=None if receipt is None else receipt.times.end_ms,
        input_tokens=0 if receipt is None else receipt.usage.input_tokens,
        output_tokens=0 if receipt is None else receipt.usage.output_tokens,
        charge_usd_nano=0 if receipt is None else receipt.charge_usd_nano,
        baseline_usd_nano=0 if receipt is None else receipt.baseline_usd_nano,
        finish_reason=reply.finish_reason,
        request_id=headers.get("x-tiergate-request-id"),
        text=reply.text,
        error=reply.error,
        margin=None if decision is None else margin(decision),
        explained=() if decision is None else tuple(in_short(decision)),
        likeness=_likeness(receipt),
    )


def _ttft_ms(receipt: Receipt | None) -> float | None:
    if receipt is None:
        return None
    # A kept answer is sent in one piece.
    return receipt.times.end_ms if receipt.cache in (EXACT, SEMANTIC) else receipt.times.first_content_ms


def _likeness(receipt: Receipt | None) -> str | None:
    found = None if receipt is None else receipt.semantic
    return other_words(found) if found is not None and found.end in _WORTH_TELLING else None


def why(receipt: Receipt) -> str:
    """Say in two or three words why this tier answered."""
    if receipt.cache in HITS:
        return HITS[receipt.cache]
    for attempt in receipt.attempts:
        if attempt.failure is not None:
            return f"{attempt.tier} {_FAILED.get(attempt.failure, 'failed')}"
    if receipt.decision is None:
        return "–"
    for view in _missed(receipt.decision):
        assert view.removed_by is not None
        return f"{view.tier}{_REMOVED[view.removed_by]}"
    return _CHOSEN.get(receipt.decision.reason, receipt.decision.reason.value)


def first_choice(receipt: Receipt) -> str | None:
    """Name the tier that would have answered, had it not failed or been down; None when the first choice did."""
    decision = receipt.decision
    if decision is None or receipt.cache in HITS:
        return None
    down = next((view.tier for view in _missed(decision) if view.removed_by is ReasonCode.UNHEALTHY), None)
    chosen = decision.ladder[0]
    return down if down is not None else (chosen if receipt.tier != chosen else None)


def _missed(decision: Decision) -> Iterator[TierView]:
    """Yield the tiers that were removed and would have been the better value, best first."""
    chosen = next(view for view in decision.views if view.tier == decision.ladder[0])
    bar = _value(chosen, decision)
    removed = [view for view in decision.views if view.removed_by is not None and _value(view, decision) > bar]
    yield from sorted(removed, key=lambda view: _value(view, decision), reverse=True)


def _value(view: TierView, decision: Decision) -> float:
    return value_of(view.p, view.expected_cost_usd_nano, decision.dial)
