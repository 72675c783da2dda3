"""Judges what a campaign left behind, after it is over: which promises were broken, by which requests.

P1: one outcome and one settlement. P5: content of one attempt. P9: a client that leaves is noticed. P10: the death of
an endpoint is invisible before the first content. P11: a broken answer never looks whole. P12: the loss of Redis stops
nobody for long. P14: a gateway that is told to end refuses nobody and cuts nothing. P15: nothing outlives its deadline.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.domain.outcome import NoRetry
from tests.chaos.evidence import Evidence, Work
from tests.chaos.faults import ON_REDIS, ON_WORKERS, Injected, Kind
from tests.chaos.history import End, Ending, Story
from tests.chaos.marked_server import Mark, read_marks
from tests.chaos.rig import DEADLINE_S, LONGEST_LAG_S

GONE_P99_S = 0.25
DEADLINE_MARGIN_S = 2.5
LEDGER_BACK_S = 5.0
"""Redis is in full use again so long after its return."""
DIES_WITHIN_S = 1.0
"""What a killed worker had is known to be lost by then, through two relays."""
LEDGER_UNAVAILABLE = "ledger_unavailable"
RETRIES_LIMITED = "Retries are limited for now."
DEARER_LIMITED = ("take no more of such requests", "takes no more requests that are meant for cheaper tiers")
READMITTED_S = 35.0
"""A server that failed is given requests again so long after it is sound."""
_MEANT_FOR = {"auto": "small", "real": "real"}
"""Where the campaign's policy begins, by the model that is asked for."""
_OF_TIME = frozenset({"P10", "P14", "P15"})
_AGREE: Mapping[End, frozenset[str]] = {
    End.DONE: frozenset({"success_upstream", "success_cache_exact", "success_cache_coalesced"}),
    End.TOLD: frozenset({"stream_truncated", "deadline"}),
    End.ERROR: frozenset({"shed", "no_tier", "upstream_failed", "deadline", "throttled"}),
}
"""What a receipt says where the client knows how its request ended."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken."""

    promise: str
    request: int | None
    what: str


Check = Callable[[Evidence], Iterator[Violation]]


def one_outcome(evidence: Evidence) -> Iterator[Violation]:
    """P1: every request has one end, and its receipt, which has another's word for it, agrees."""
    seen: dict[str, int] = {}
    for story in evidence.stories:
        number, ending = story.call.request, story.ending
        if ending is None:
            yield Violation("P1", number, "has no end")
            continue
        if ending.request_id is not None and seen.setdefault(ending.request_id, number) != number:
            yield Violation("P1", number, f"has the id of request {seen[ending.request_id]}")
        receipt = evidence.receipts.get(number)
        if receipt is None:
            continue
        if receipt["outcome"] == "internal":
            yield Violation("P1", number, "ended in a fault of the gateway's own")
        elif receipt["outcome"] not in _AGREE.get(ending.end, {receipt["outcome"]}):
            yield Violation("P1", number, f"was {ending.end.value} to its client, and {receipt['outcome']} on receipt")


def one_settlement(evidence: Evidence) -> Iterator[Violation]:
    """P1: what is posted is what was charged, what is held is what is open, and in the end only the unknown is open."""
    for books in evidence.books:
        if books.posted_usd_nano != books.charged_usd_nano:
            yield Violation("P1", None, f"{books.posted_usd_nano} nano-USD posted, {books.charged_usd_nano} charged")
        if books.held_usd_nano != books.open_usd_nano:
            yield Violation("P1", None, f"{books.held_usd_nano} nano-USD held, {books.open_usd_nano} in open holds")
    known = {
        story.ending.request_id: story.call.request
        for story in evidence.stories
        if story.ending is not None and story.ending.end in _AGREE
    }
    for request_id in evidence.books[-1].open_ids if evidence.books else ():
        if request_id in known:
            yield Violation("P1", known[request_id], "is over, and its hold is open at rest")


def content_of_one_attempt(evidence: Evidence) -> Iterator[Violation]:
    """P5: what a client got came from one attempt, every token in its place, none missing before the last."""
    for story in evidence.stories:
        ending = story.ending
        if ending is None or not ending.text:
            continue
        if len(ending.answer_ids) > 1:
            yield Violation("P5", story.call.request, f"has chunks of {len(ending.answer_ids)} answers")
        marks = read_marks(ending.text)
        if marks is None:
            if story.call.alias == "real" and ".large-" not in ending.text and ".small-" not in ending.text:
                continue
            yield Violation("P5", story.call.request, f"is not made of whole tokens: {ending.text[:120]!r}")
        elif fault := _out_of_place(story, marks):
            yield Violation("P5", story.call.request, fault)


def _out_of_place(story: Story, marks: Sequence[Mark]) -> str | None:
    first = marks[0]
    wanted = [Mark(story.call.request, first.server, first.serial, place) for place in range(len(marks))]
    wrong = next((got for got, want in zip(marks, wanted, strict=True) if got != want), None)
    return None if wrong is None else f"has the token{wrong} where it does not belong"


def gone_is_noticed(evidence: Evidence) -> Iterator[Violation]:
    """P9: when a client leaves, every server that works for it is told, within 250 ms in 99 of 100 cases."""
    waits_s = []
    for story, work in left_behind(evidence):
        if work.ended_s is None:
            yield Violation("P9", story.call.request, f"left, and {work.server} was never told")
        else:
            waits_s.append(gone_after_s(story, work))
    if waits_s and (p99_s := quantile(waits_s, 0.99)) > GONE_P99_S:
        yield Violation("P9", None, f"99 of 100 servers were told within {p99_s * 1e3:.0f} ms, not {GONE_P99_S:g} s")


def left_behind(evidence: Evidence) -> Iterator[tuple[Story, Work]]:
    """Yield each call that a leaving client left behind at a marked server which nothing was done to meanwhile."""
    works: dict[int, list[Work]] = {}
    for work in evidence.works:
        works.setdefault(work.request, []).append(work)
    for story in evidence.stories:
        ending = story.ending
        if ending is None or ending.end is not End.LEFT:
            continue
        for work in works.get(story.call.request, ()):
            until_s = max(work.ended_s or math.inf, ending.ended_s)
            is_noticed = work.event == "gone"
            if is_noticed and evidence.was_starved(ending.ended_s, until_s):
                continue
            if work.event != "finished" and not _is_disturbed(evidence, work, until_s):
                yield story, work


def gone_after_s(story: Story, work: Work) -> float:
    """Return how long after its client left a server was told; 0 when its call had been given up before."""
    assert story.ending is not None, "it left"
    return max(0.0, (work.ended_s or 0.0) - max(story.ending.ended_s, work.asked_s))


def _is_disturbed(evidence: Evidence, work: Work, until_s: float) -> bool:
    return evidence.during(ON_WORKERS, work.asked_s, min(until_s, work.asked_s + DEADLINE_S), DIES_WITHIN_S) or any(
        fault.target == work.endpoint and fault.kind is not Kind.LEAVE and fault.overlaps(work.asked_s, until_s)
        for fault in evidence.faults
    )


def death_is_invisible(evidence: Evidence) -> Iterator[Violation]:
    """P10: nobody is told of an error before the first content, while another server could answer.

    Tenants with a budget are refused where their ledger does not answer in time. Retries are a share of the requests,
    lest an outage be multiplied, and so is what dearer tiers take in, lest it become a bill; whose request found such a
    share used up is told so, which is a figure and no breach.
    """
    for story, ending in _ended(evidence, End.ERROR):
        is_ledger = ending.code == LEDGER_UNAVAILABLE and story.call.tenant == "rich"
        if not (is_ledger or lacks_retries(evidence, story) or lacks_dearer(evidence, story)):
            yield Violation("P10", story.call.request, f"was told {ending.status} {ending.code}: {ending.detail[:200]}")


def lacks_retries(evidence: Evidence, story: Story) -> bool:
    """Tell whether another attempt was forbidden by the share that retries may have."""
    receipt, ending = evidence.receipts.get(story.call.request), story.ending
    if receipt is not None:
        return bool(receipt.get("no_retry") == NoRetry.RETRY_BUDGET)
    # The official client's receipts are not fetched; the message says the same.
    return ending is not None and RETRIES_LIMITED in ending.detail


def lacks_dearer(evidence: Evidence, story: Story) -> bool:
    """Tell whether a request was kept from the dearer tier by its share, and none of its own tier's servers was sound.

    One that failed counts as sound again only when it must have been readmitted.
    """
    ending, tier = story.ending, _MEANT_FOR[story.call.alias]
    if ending is None or not any(words in ending.detail for words in DEARER_LIMITED):
        return False
    harmed = {
        fault.target
        for fault in evidence.faults
        if fault.kind is not Kind.LEAVE and fault.overlaps(story.call.invoked_s, ending.ended_s, READMITTED_S)
    }
    servers = {name for name in evidence.by_endpoint if name.startswith(f"{tier}/")}
    return bool(servers) and servers <= harmed


def ledger_comes_back(evidence: Evidence) -> Iterator[Violation]:
    """P12: once Redis is back, tenants with a budget are served again within five seconds."""
    for fault, back_s in ledger_back_s(evidence):
        if back_s is not None and back_s > LEDGER_BACK_S:
            yield Violation("P12", None, f"after {fault.kind.value} ({fault.number}) the ledger took {back_s:.1f} s")


def ledger_back_s(evidence: Evidence) -> Iterator[tuple[Injected, float | None]]:
    """Yield each loss of Redis with how long after its return the ledger was first known to answer.

    None where another loss came before that, or where no tenant with a budget asked.
    """
    held = [
        story.call.invoked_s
        for story in evidence.stories
        if story.call.tenant == "rich" and story.ending is not None and story.ending.code != LEDGER_UNAVAILABLE
    ]
    losses = sorted((f for f in evidence.faults if f.kind in ON_REDIS), key=lambda fault: fault.injected_s)
    until = [*(fault.injected_s for fault in losses[1:]), math.inf]
    for fault, until_s in zip(losses, until, strict=False):
        after_s = [at_s - fault.healed_s for at_s in held if fault.healed_s <= at_s < until_s]
        yield fault, min(after_s, default=None)


def broken_is_told(evidence: Evidence) -> Iterator[Violation]:
    """P11: an answer that looks whole is whole, and one that is not says so, unless its gateway was killed."""
    for story, ending in _ended(evidence, End.DONE):
        if fault := _what_is_missing(story, ending):
            yield Violation("P11", story.call.request, f"looks whole, and {fault}")
    for story, ending in _ended(evidence, End.SILENT, End.NO_ANSWER):
        if ending.end is End.NO_ANSWER and _was_refused(evidence, story.call.invoked_s, ending.ended_s):
            # The front had nobody to pass it on to: that is counted where it is told who refused.
            continue
        if not evidence.during(ON_WORKERS, story.call.invoked_s, ending.ended_s, DIES_WITHIN_S):
            is_end = evidence.during((Kind.TERMINATE,), story.call.invoked_s, ending.ended_s, LONGEST_LAG_S)
            promise = "P14" if is_end else "P11"
            yield Violation(promise, story.call.request, f"ended without a word ({ending.end.value}): {ending.detail}")
    for story, ending in _ended(evidence, End.TOLD):
        if ending.has_done:
            yield Violation("P11", story.call.request, "has an error and [DONE]")


def _was_refused(evidence: Evidence, began_s: float, ended_s: float) -> bool:
    return any(began_s <= refused.at_s <= ended_s for refused in evidence.refused)


def _what_is_missing(story: Story, ending: Ending) -> str | None:
    if ending.finish_reason is None:
        return "has no finish reason"
    marks = read_marks(ending.text)
    if marks and len(marks) != story.call.tokens:
        return f"has {len(marks)} of {story.call.tokens} tokens"
    return None if ending.text else "has no content"


def ending_is_gentle(evidence: Evidence) -> Iterator[Violation]:
    """P14: a gateway in the list refuses no connection, and cuts no stream off that its drain leaves time for."""
    for refused in evidence.refused:
        yield Violation("P14", None, f"{refused.replica} refused a connection at {refused.at_s:.3f}")
    for story, ending in _ended(evidence, End.TOLD):
        if ending.code == "draining":
            yield Violation("P14", story.call.request, "was cut off by the drain")
    for story, ending in _ended(evidence, End.REFUSED):
        yield Violation("P14", story.call.request, f"found nobody: {ending.detail}")


def nothing_outlives_its_deadline(evidence: Evidence) -> Iterator[Violation]:
    """P15: every request is over soon after its deadline, unless its worker stood still."""
    for story in evidence.stories:
        ending = story.ending
        if ending is None or ending.end is End.LEFT:
            continue
        took_s = ending.ended_s - story.call.invoked_s
        is_late = ending.end is End.LATE or took_s > DEADLINE_S + DEADLINE_MARGIN_S
        if is_late and not evidence.during((Kind.FREEZE_WORKER,), story.call.invoked_s, ending.ended_s):
            yield Violation("P15", story.call.request, f"was over after {took_s:.1f} s: {ending.detail}")


def _ended(evidence: Evidence, *ends: End) -> Iterator[tuple[Story, Ending]]:
    for story in evidence.stories:
        if story.ending is not None and story.ending.end in ends:
            yield story, story.ending


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


CHECKS: tuple[Check, ...] = (
    one_outcome,
    one_settlement,
    content_of_one_attempt,
    gone_is_noticed,
    death_is_invisible,
    ledger_comes_back,
    broken_is_told,
    ending_is_gentle,
    nothing_outlives_its_deadline,
)


def violations(evidence: Evidence) -> list[Violation]:
    """Return every broken promise."""
    return [found for check in CHECKS for found in check(evidence) if not is_excused(evidence, found)]


def excused(evidence: Evidence) -> list[Violation]:
    """Return what would be broken promises, had the machine not been too busy just then to keep them."""
    return [found for check in CHECKS for found in check(evidence) if is_excused(evidence, found)]


def is_excused(evidence: Evidence, found: Violation) -> bool:
    """Tell whether a promise about time was missed by a request whose paths stood still: no server could be reached.

    What a client got, and that it was told, is never excused.
    """
    story = evidence.by_request.get(found.request or 0)
    if found.promise not in _OF_TIME or story is None or story.ending is None:
        return False
    return evidence.was_starved(story.call.invoked_s, story.ending.ended_s)
