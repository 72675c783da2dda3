"""Plays a case and judges it: what was violated, and what was reached on the way."""

from collections import Counter
from typing import Final

from msgspec import Struct, field

from gateway.core.exchange import TABLE, State
from gateway.core.exchange_events import Timer, TimerFired
from tests.sim.case import Case
from tests.sim.checks import violations
from tests.sim.stage import play

RUNNING: Final = {
    State.SEEKING: (Timer.FIRST_CONTENT, Timer.DEADLINE, Timer.HEDGE, Timer.HEARTBEAT),
    State.WAITING: (Timer.RETRY, Timer.DEADLINE, Timer.HEDGE, Timer.HEARTBEAT),
    State.STREAMING: (Timer.STALL, Timer.DEADLINE, Timer.HEARTBEAT),
    State.LINGERING: (Timer.LINGER, Timer.DEADLINE),
}
"""The timers that may run in a state; any other was cleared on the way there."""


class Violation(Struct, frozen=True):
    """A promise broken in a run."""

    seed: int
    what: str

    @property
    def promise(self) -> str:
        """Name the promise."""
        return self.what.partition(":")[0]


class Tally(Struct):
    """What a number of runs came to."""

    runs: int = 0
    requests: int = 0
    calls: int = 0
    pairs: dict[str, int] = field(default_factory=dict)
    """How often each (state, event) of the exchange machine occurred."""
    met: dict[str, int] = field(default_factory=dict)
    """How often each (fault, phase) was met."""
    outcomes: dict[str, int] = field(default_factory=dict)
    lane: dict[str, int] = field(default_factory=dict)
    """How often each came of a batch request."""
    violations: list[Violation] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take in what other runs came to."""
        self.runs += other.runs
        self.requests += other.requests
        self.calls += other.calls
        self.pairs = dict(Counter(self.pairs) + Counter(other.pairs))
        self.met = dict(Counter(self.met) + Counter(other.met))
        self.outcomes = dict(Counter(self.outcomes) + Counter(other.outcomes))
        self.lane = dict(Counter(self.lane) + Counter(other.lane))
        self.violations += other.violations


def judge(case: Case) -> Tally:
    """Play a case and check everything."""
    run = play(case)
    told = [Violation(case.seed, what) for what in violations(run)]
    outcomes = Counter(receipt.outcome.value for receipt in run.receipts)
    counts = (dict(run.pairs), dict(run.met), dict(outcomes), dict(run.lane))
    return Tally(1, len(run.clients), len(run.calls), *counts, told)


def pairs_of_the_table() -> list[str]:
    """Name every pair of the exchange machine that can occur, each timer by itself where it may be running."""
    names: list[str] = []
    for state, event in TABLE:
        kinds = [event.__name__]
        if event is TimerFired:
            kinds = [f"{event.__name__}({timer.value})" for timer in Timer if timer in RUNNING[state]]
        names += [f"{state.value} × {kind}" for kind in kinds]
    return names
