"""Whether an endpoint may be given requests: out after failures, back by real answers, and gently.

    HEALTHY ──trips──► EJECTED ──its time is over──► PROBING ──three answers──► RAMPING ──ten seconds──► HEALTHY
                          ▲                             │                          │
                          └────────── two failures ─────┼──────────────────────────┘
                                    a failed probe waits and is made again

A machine without clock or chance: both are given. It trips at `CONSECUTIVE` failures in a row, or when at least half of
at least `SHARE_OF` calls within `WINDOW_S` failed. Each ejection that follows an earlier one is longer, since it came
back too soon; an outage is one ejection, however many probes fail in it, so that its end is noticed within seconds.
The figures are Envoy's and Finagle's, brought to the rates of language models.
"""

from collections import Counter
from enum import StrEnum
from typing import Final

CONSECUTIVE: Final = 5
RAMP_CONSECUTIVE: Final = 2
"""An endpoint that has just come back is given less patience."""
SHARE: Final = 0.5
SHARE_OF: Final = 20
WINDOW_S: Final = 30.0
EJECTION_S: Final = 10.0
EJECTION_S_MAX: Final = 300.0
"""Also how long an endpoint must serve until earlier ejections are forgotten."""
JITTER: Final = 0.2
PROBES: Final = 3
PROBE_S: Final = 1.0
"""From one good probe to the next."""
PROBE_AGAIN_S: Final = 5.0
"""From a failed probe to the next."""
RAMP_S: Final = 10.0
RAMP_FROM: Final = 0.1
_SLOTS: Final = 6
_SLOT_S: Final = WINDOW_S / _SLOTS
_NEVER_S: Final = float("-inf")


class Standing(StrEnum):
    """What an endpoint is good for at the moment."""

    HEALTHY = "healthy"
    EJECTED = "ejected"
    PROBING = "probing"
    RAMPING = "ramping"


class Failure(StrEnum):
    """What counts against an endpoint. A 429 and other answers below 500 do not."""

    UNREACHABLE = "unreachable"
    """Refused, reset, or gone without a status line."""
    SERVER = "server"
    """A 5xx, or something that is no answer, or an answer that broke off."""
    SLOW = "slow"
    """No content within the tier's limit, or silence within an answer."""
    CREDENTIALS = "credentials"
    """401 or 403: it is our key that is wrong, and every request would fail. Ejects at once."""


HARD: Final = frozenset({Failure.UNREACHABLE, Failure.CREDENTIALS})
"""No request can succeed there, so no share of a tier must be kept in service against these."""


class Breaker:
    """The machine of one endpoint. Times are monotonic seconds, chance is uniform in [0, 1)."""

    __slots__ = (
        "_bad",
        "_ejections",
        "_good",
        "_passed",
        "_slot",
        "cause",
        "ejected",
        "failed_at_s",
        "row",
        "since_s",
        "standing",
        "until_s",
    )

    def __init__(self) -> None:
        self.standing = Standing.HEALTHY
        self.cause: Failure | None = None
        """Of the last ejection; None while healthy."""
        self.ejected: Counter[Failure] = Counter()
        """How often it was, by cause."""
        self.failed_at_s = _NEVER_S
        self.since_s = _NEVER_S
        """Since when it has this standing; from EJECTED to PROBING it goes on."""
        self.until_s = _NEVER_S
        """While ejected: until when. While probing: when the next probe is due."""
        self.row = 0
        """Failures in a row."""
        self._ejections = 0
        self._passed = 0
        self._slot = -1
        self._good = [0] * _SLOTS
        self._bad = [0] * _SLOTS

    @property
    def is_open(self) -> bool:
        """Tell whether requests are kept away."""
        return self.standing is Standing.EJECTED or self.standing is Standing.PROBING

    def weight(self, now_s: float) -> float:
        """Return the share of its usual load that it may be given: 0 while requests are kept away."""
        if self.standing is Standing.HEALTHY:
            return 1.0
        if self.standing is Standing.RAMPING:
            return min(1.0, RAMP_FROM + (1.0 - RAMP_FROM) * (now_s - self.since_s) / RAMP_S)
        return 0.0

    def advance(self, now_s: float) -> None:
        """Let time pass: an ejection ends in probing, a ramp in health."""
        if self.standing is Standing.EJECTED and now_s >= self.until_s:
            self.standing = Standing.PROBING
        elif self.standing is Standing.RAMPING and now_s - self.since_s >= RAMP_S:
            self.standing, self.cause = Standing.HEALTHY, None

    def wants_probe(self, now_s: float) -> bool:
        """Tell whether a probe is due."""
        return self.standing is Standing.PROBING and now_s >= self.until_s

    def succeeded(self, began_s: float, now_s: float) -> None:
        """Take note of an answer to a call that began then. While ejected, what began before tells nothing."""
        self.row = 0
        if self.is_open:
            if began_s < self.since_s:
                return
            self._passed += 1
            self.until_s = max(self.until_s, now_s + PROBE_S) if self.standing is Standing.PROBING else self.until_s
            if self._passed >= PROBES:
                self._become(Standing.RAMPING, now_s)
            return
        slot = int(now_s / _SLOT_S)
        if slot != self._slot:
            self._move_to(slot)
        self._good[slot % _SLOTS] += 1

    def failed(self, failure: Failure, began_s: float, now_s: float, chance: float, *, row: int = 0) -> None:
        """Take note of a call that failed.

        `row` is what `row` was before the call was counted as answered, should it have been: an answer that breaks off
        after its beginning breaks no row of failures.
        """
        self.failed_at_s = now_s
        if self.is_open:
            if began_s >= self.since_s:
                self._passed = 0
            if self.standing is Standing.PROBING:
                self.until_s = max(self.until_s, now_s + _jittered(PROBE_AGAIN_S, chance))
            return
        slot = int(now_s / _SLOT_S)
        if slot != self._slot:
            self._move_to(slot)
        self._bad[slot % _SLOTS] += 1
        self.row = max(self.row, row) + 1
        most = CONSECUTIVE if self.standing is Standing.HEALTHY else RAMP_CONSECUTIVE
        if failure is Failure.CREDENTIALS or self.row >= most or self._half_failed():
            self._eject(failure, now_s, chance)

    def _half_failed(self) -> bool:
        bad = sum(self._bad)
        calls = bad + sum(self._good)
        return calls >= SHARE_OF and bad >= SHARE * calls

    def _eject(self, failure: Failure, now_s: float, chance: float) -> None:
        # From HEALTHY `since_s` is when it was readmitted.
        if now_s - self.since_s >= EJECTION_S_MAX:
            self._ejections = 0
        self._ejections += 1
        self.cause = failure
        self.ejected[failure] += 1
        self._become(Standing.EJECTED, now_s)
        self.until_s = now_s + _jittered(min(EJECTION_S * self._ejections, EJECTION_S_MAX), chance)

    def _become(self, standing: Standing, now_s: float) -> None:
        self.standing, self.since_s = standing, now_s
        self.row = self._passed = 0
        self._good, self._bad = [0] * _SLOTS, [0] * _SLOTS

    def _move_to(self, slot: int) -> None:
        """Forget the slots of the window that have run out."""
        for stale in range(max(self._slot + 1, slot - _SLOTS + 1), slot + 1):
            self._good[stale % _SLOTS] = self._bad[stale % _SLOTS] = 0
        self._slot = slot


def _jittered(seconds: float, chance: float) -> float:
    return seconds * (1.0 - JITTER + 2.0 * JITTER * chance)
