"""The last requests, and the receipt of one of them told in plain words."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from gateway.app.console import words
from gateway.app.console.decision_view import decision_view
from gateway.app.console.diary import Diary
from gateway.app.console.markup import Markup, join, tag
from gateway.app.console.table import cell, empty, facts, number, row, state, table
from gateway.app.decision_words import WHY
from gateway.app.receipt_words import attempt_cells, what_happened
from gateway.domain.outcome import BLAME, Blame, Outcome
from gateway.domain.receipt import Receipt

SHOWN: Final = 16
_CACHE: Final = {
    Outcome.SUCCESS_CACHE_EXACT: "asked before",
    Outcome.SUCCESS_CACHE_COALESCED: "asked right then by another",
    Outcome.SUCCESS_CACHE_SEMANTIC: "asked before, in other words",
}
_ATTEMPTS: Final = "Attempt|Server|>Began ms|>First content ms|>Ended ms|>Status|Failed of"


def receipts(diary: Diary) -> Markup:
    """Write a row for each of the last requests, the newest first."""
    newest = list(reversed(diary.receipts))[:SHOWN]
    return join(map(_row, newest)) if newest else empty(7, "No request yet.")


def _row(receipt: Receipt) -> Markup:
    at = datetime.fromtimestamp(receipt.received_at_s, UTC)
    opener = tag(
        "button",
        tag("time", f"{at:%H:%M:%S}", datetime=at.isoformat(timespec="milliseconds")),
        type="button",
        class_="open",
        id=f"open-{receipt.request_id}",
        aria_label=f"Receipt of the request of {at:%H:%M:%S}",
        hx_get=f"/console/receipts/{receipt.request_id}",
        hx_target="#receipt",
    )
    return row(
        cell(opener),
        cell(receipt.alias or words.DASH, tag("span", receipt.tenant or "nobody known", class_="beside")),
        state(*_went(receipt)),
        cell(_why(receipt)),
        number(words.span(receipt.times.end_ms / 1e3)),
        number(words.usd(receipt.charge_usd_nano)),
        number(f"{receipt.usage.total_tokens:,}"),
    )


def _went(receipt: Receipt) -> tuple[str, str]:
    """Say where a request went, and how well that is."""
    if receipt.outcome in _CACHE:
        return "good", "cache"
    if receipt.outcome is Outcome.SUCCESS_SCORED:
        return "good", "scorer"
    if BLAME[receipt.outcome] is Blame.NOBODY:
        return "good" if len(receipt.attempts) < 2 else "fair", receipt.tier or words.DASH
    blame_is_callers = BLAME[receipt.outcome] is Blame.CLIENT
    return "fair" if blame_is_callers else "poor", receipt.outcome.replace("_", " ")


def _why(receipt: Receipt) -> str:
    if receipt.outcome in _CACHE:
        return _CACHE[receipt.outcome]
    if receipt.outcome is Outcome.SUCCESS_SCORED:
        return "how hard it is"
    if receipt.error is not None:
        return receipt.error.replace("_", " ")
    tried = "" if len(receipt.attempts) < 2 else f", {len(receipt.attempts)} attempts"
    return words.DASH if receipt.decision is None else receipt.decision.reason.replace("_", " ") + tried


def receipt_view(receipt: Receipt) -> Markup:
    """Tell a receipt: in a sentence, where the time went, each attempt, the decision, and all facts."""
    parts = [
        tag("h3", "Receipt ", tag("code", receipt.request_id)),
        tag("p", story(receipt), class_="story"),
        _times(receipt),
    ]
    if receipt.attempts:
        rows = [_attempt(*attempt_cells(attempt)) for attempt in receipt.attempts]
        parts += [tag("h4", "Attempts"), table("Attempts", _ATTEMPTS, rows)]
    if receipt.decision is not None:
        parts += [tag("h4", "The decision"), decision_view(receipt.decision)]
    parts += [tag("h4", "All of it"), facts(what_happened(receipt))]
    return join(parts)


def _attempt(attempt: str, server: str, *rest: str) -> Markup:
    """Write an attempt as a row: its last cell is words, those between are numbers."""
    *numbers, failure = rest
    return row(cell(attempt), cell(server), *map(number, numbers), cell(failure or "nothing"))


def story(receipt: Receipt) -> str:
    """Say in plain words what became of a request."""
    asked = f"{receipt.tenant or 'Somebody'} asked for {receipt.alias or 'no model that was read'}"
    took = words.span(receipt.times.end_ms / 1e3)
    if receipt.outcome in _CACHE:
        spared = f"which spared {words.usd(receipt.cache_saved_usd_nano)}"
        return f"{asked}. It was {_CACHE[receipt.outcome]}, so the kept answer was given within {took}, {spared}."
    if BLAME[receipt.outcome] is not Blame.NOBODY:
        error = "" if receipt.error is None else f", and was told {receipt.error} (status {receipt.status})"
        return f"{asked}. That ended after {took} as {receipt.outcome.replace('_', ' ')}{error}."
    if receipt.outcome is Outcome.SUCCESS_SCORED:
        return f"{asked}. How hard that is was told within {took}; no model server was asked, and it cost nothing."
    why = "" if receipt.decision is None else f": {WHY[receipt.decision.reason]}"
    again = "" if len(receipt.attempts) < 2 else f" It took {len(receipt.attempts)} attempts."
    cost, baseline = words.usd(receipt.charge_usd_nano), words.usd(receipt.baseline_usd_nano)
    spent = f"It took {took} and cost {cost}; the strongest able tier would have cost about {baseline}."
    return f"{asked}. {receipt.tier} answered{why}.{again} {spent}"


def _times(receipt: Receipt) -> Markup:
    """Draw where the time went: the gateway's own, and that spent waiting for others."""
    end_ms = receipt.times.end_ms or 1.0
    own_ms = max(0.0, receipt.times.end_ms - receipt.external_ms)
    bars = [tag("rect", width="100%", height="100%"), *_spans(receipt, end_ms)]
    said = f"{own_ms:.2f} ms of {receipt.times.end_ms:.1f} ms were the gateway's own"
    figure = tag("svg", bars, class_="times", role="img", aria_label=said)
    return tag("figure", figure, tag("figcaption", f"{said}; the coloured bars are calls of model servers."))


def _spans(receipt: Receipt, end_ms: float) -> Iterator[Markup]:
    for attempt in receipt.attempts:
        began, ended = 100 * attempt.started_ms / end_ms, 100 * attempt.ended_ms / end_ms
        kind = "attempt" if attempt.failure is None else "attempt failed"
        yield tag("rect", x=f"{began:.2f}%", width=f"{max(0.3, ended - began):.2f}%", height="100%", class_=kind)
        if attempt.first_content_ms is not None:
            at = f"{100 * attempt.first_content_ms / end_ms:.2f}%"
            yield tag("line", x1=at, x2=at, y1="0", y2="100%", class_="first")
