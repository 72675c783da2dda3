"""How long things took in a campaign, where a promise is a time."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.checker import (
    LEDGER_UNAVAILABLE,
    gone_after_s,
    lacks_dearer,
    lacks_retries,
    ledger_back_s,
    left_behind,
    quantile,
)
from tests.chaos.evidence import Attempt, Evidence
from tests.chaos.faults import ON_REAL, ON_REDIS, ON_WORKERS, Injected, Kind
from tests.chaos.history import End, Story

_OUTAGES = (Kind.KILL, Kind.FREEZE, Kind.SWALLOW, Kind.IGNORE, Kind.REFUSE, *ON_REAL)
_FAILURES_TO_TRIP = 5
_EJECTED_WITHIN_S = 1.0
_BACK_MARGIN_S = 5.0
"""After its return Redis counts as away for so long, which is what its breaker and its scripts may take."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, how often, and how it spread. `unit` is `ms`, `s` or, for a mere count, empty."""

    name: str
    unit: str
    count: int
    median: float | None = None
    p99: float | None = None
    longest: float | None = None


def figures(evidence: Evidence) -> list[Figure]:
    """Return every figure, also those for which nothing was there to be measured."""
    return [
        _spread("P9 a client leaves, until its server is told", "ms", _gone_ms(evidence)),
        _spread("P10 a connection is refused, until the next attempt", "ms", _until_next_ms(evidence, "connect", True)),
        _spread("P10 no handshake, until the next attempt", "ms", _until_next_ms(evidence, "connect", False)),
        _spread("P10 no content in time, until the next attempt", "ms", _until_next_ms(evidence, "ttft", None)),
        _spread("P10 an endpoint is sound again, until it is used", "s", _readmitted_s(evidence)),
        _count("P10 told of a failure, since the share of retries was used up", _told(evidence, lacks_retries)),
        _count("P10 told of a failure, since dearer tiers had their share of such", _told(evidence, lacks_dearer)),
        _count("P10 attempts at an endpoint more than 1 s after its fifth failure", _late_attempts(evidence)),
        _spread(
            "P12 a request comes, until a server is called, Redis well", "ms", _called_ms(evidence, with_redis=True)
        ),
        _spread(
            "P12 a request comes, until a server is called, Redis away", "ms", _called_ms(evidence, with_redis=False)
        ),
        _spread("P12 Redis is back, until the ledger answers", "s", _ledger_s(evidence)),
        _count("P12 budgets not checked in time while Redis was well", _unchecked(evidence)),
        _spread("a worker is killed, until another serves", "s", _lasted_s(evidence, Kind.KILL_WORKER)),
        _spread("P14 a gateway is told to end, until it has", "s", _lasted_s(evidence, Kind.TERMINATE)),
        _amplification(evidence),
    ]


def _spread(name: str, unit: str, values: Iterator[float]) -> Figure:
    found = sorted(values)
    if not found:
        return Figure(name, unit, 0)
    return Figure(name, unit, len(found), quantile(found, 0.5), quantile(found, 0.99), found[-1])


def _count(name: str, values: Iterator[object]) -> Figure:
    return Figure(name, "", sum(1 for _ in values))


def _gone_ms(evidence: Evidence) -> Iterator[float]:
    for story, work in left_behind(evidence):
        if work.ended_s is not None:
            yield gone_after_s(story, work) * 1e3


def _until_next_ms(evidence: Evidence, failure: str, is_refused: bool | None) -> Iterator[float]:
    for attempts in evidence.attempts:
        for attempt, following in itertools.pairwise(attempts):
            is_wanted = is_refused is None or ("refused" in attempt.detail) == is_refused
            if attempt.failure == failure and is_wanted:
                yield (following.started_s - attempt.started_s) * 1e3


def _readmitted_s(evidence: Evidence) -> Iterator[float]:
    for fault in evidence.faults:
        if fault.kind not in _OUTAGES:
            continue
        again_s = min((f.injected_s for f in _same(evidence, fault) if f.injected_s > fault.healed_s), default=None)
        for attempt in evidence.by_endpoint.get(fault.target, ()):
            if attempt.started_s < fault.healed_s or attempt.failure is not None:
                continue
            if again_s is None or attempt.started_s < again_s:
                yield attempt.started_s - fault.healed_s
            break


def _same(evidence: Evidence, fault: Injected) -> list[Injected]:
    return [other for other in evidence.faults if other.target == fault.target]


def _told(evidence: Evidence, lacks: Callable[[Evidence, Story], bool]) -> Iterator[Story]:
    for story in evidence.stories:
        if story.ending is not None and story.ending.end is End.ERROR and lacks(evidence, story):
            yield story


def _late_attempts(evidence: Evidence) -> Iterator[Attempt]:
    for fault in evidence.faults:
        if fault.kind not in _OUTAGES:
            continue
        meeting = [a for a in evidence.by_endpoint.get(fault.target, ()) if fault.overlaps(a.started_s, a.started_s)]
        failed_s = sorted(attempt.ended_s for attempt in meeting if attempt.failure is not None)
        if len(failed_s) >= _FAILURES_TO_TRIP:
            after_s = failed_s[_FAILURES_TO_TRIP - 1] + _EJECTED_WITHIN_S
            yield from (attempt for attempt in meeting if attempt.started_s > after_s)


def _called_ms(evidence: Evidence, *, with_redis: bool) -> Iterator[float]:
    """Yield the time from a request's coming to the first call of a server: what Redis has a part in."""
    for number, receipt in evidence.receipts.items():
        if not receipt["attempts"] or evidence.by_request[number].call.tenant != "free":
            continue
        began_s, called_ms = receipt["received_s"], receipt["attempts"][0]["started_ms"]
        is_away = evidence.during(ON_REDIS, began_s, began_s + called_ms / 1e3)
        if is_away != with_redis and not evidence.during(ON_WORKERS, began_s, began_s + called_ms / 1e3):
            yield called_ms


def _ledger_s(evidence: Evidence) -> Iterator[float]:
    for _, back_s in ledger_back_s(evidence):
        if back_s is not None:
            yield back_s


def _unchecked(evidence: Evidence) -> Iterator[Story]:
    for story in evidence.stories:
        ending = story.ending
        is_unchecked = ending is not None and ending.code == LEDGER_UNAVAILABLE
        if is_unchecked and not evidence.during(ON_REDIS, story.call.invoked_s, story.call.invoked_s, _BACK_MARGIN_S):
            yield story


def _lasted_s(evidence: Evidence, kind: Kind) -> Iterator[float]:
    for fault in evidence.faults:
        if fault.kind is kind:
            yield fault.healed_s - fault.injected_s


def _amplification(evidence: Evidence) -> Figure:
    """P6, in thousandths, as a campaign that breaks something every second can tell it."""
    called: Sequence[int] = [len(attempts) for attempts in evidence.attempts if attempts]
    share = sum(called) / len(called) if called else None
    return Figure("attempts a request that was sent on", "", len(called), share)
