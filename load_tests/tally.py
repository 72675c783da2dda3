"""Counts and times of one load, and what is said of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

NOTE_BYTES = 150
"""How much of the first bad reply is shown."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of a set of times, in microseconds."""

    n: int
    mean: float
    p50: int
    p90: int
    p99: int
    max: int


def spread(times_us: Sequence[int]) -> Spread | None:
    """Return the percentiles, by the nearest rank below; None of nothing."""
    if not times_us:
        return None
    ranked = sorted(times_us)
    last = len(ranked) - 1
    p50, p90, p99 = (ranked[int(last * share)] for share in (0.5, 0.9, 0.99))
    return Spread(len(ranked), sum(ranked) / len(ranked), p50, p90, p99, ranked[-1])


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one load.

    `issued_late` counts requests sent more than a millisecond after they were due, `unanswered` those that the end
    found without an answer: one a connection is usual, more means that the server fell behind.
    """

    good: int
    bad: int
    first_bad: str
    elapsed_s: float
    requests_per_s: float
    chunks: int
    chunks_per_s: float
    reconnects: int
    issued_late: int
    unanswered: int
    latency_us: Spread | None
    first_token_us: Spread | None
    chunk_delay_us: Spread | None
    shed: int = 0
    """Requests that were turned away, where that is expected; `shed_us` is how long it took to be told."""
    shed_unexplained: int = 0
    """Those of them that were not told when to come again."""
    shed_us: Spread | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return asdict(self)


def spread_from_json(said: Mapping[str, float] | None) -> Spread | None:
    """Read percentiles; members beyond ours are left out."""
    if said is None:
        return None
    return Spread(
        n=int(said["n"]),
        mean=said["mean"],
        p50=int(said["p50"]),
        p90=int(said["p90"]),
        p99=int(said["p99"]),
        max=int(said["max"]),
    )


def report_from_json(said: dict[str, Any]) -> Report:
    """Read what `to_json` wrote."""
    spreads = {
        name: spread_from_json(said[name]) for name in ("latency_us", "first_token_us", "chunk_delay_us", "shed_us")
    }
    return Report(**{**said, **spreads})


@dataclass(slots=True)
class Tally:
    """Collects while `recording`; a warm-up passes through unseen."""

    recording: bool = False
    good: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    chunks: int = 0
    reconnects: int = 0
    issued_late: int = 0
    latencies_us: list[int] = field(default_factory=list)
    first_tokens_us: list[int] = field(default_factory=list)
    chunk_delays_us: list[int] = field(default_factory=list)
    sheds_us: list[int] = field(default_factory=list)
    shed_unexplained: int = 0

    def add_good(self, latency_us: int, first_token_us: int | None) -> None:
        """Record a reply that was right."""
        if self.recording:
            self.good += 1
            self.latencies_us.append(latency_us)
            if first_token_us is not None:
                self.first_tokens_us.append(first_token_us)

    def add_bad(self, why: str) -> None:
        """Record a reply that was wrong, or never came."""
        if self.recording:
            self.bad[why] += 1

    def add_shed(self, latency_us: int, *, says_when: bool) -> None:
        """Record a request that was turned away, and whether it was told when to come again."""
        if self.recording:
            self.sheds_us.append(latency_us)
            self.shed_unexplained += not says_when

    def add_chunk(self, delay_us: int) -> None:
        """Record a content chunk by the time it took from the model server's write to our read."""
        if self.recording:
            self.chunks += 1
            self.chunk_delays_us.append(delay_us)

    def add_late(self) -> None:
        """Record a request that found no free connection when it was due."""
        if self.recording:
            self.issued_late += 1

    def add_reconnect(self) -> None:
        """Record a connection that had to be opened again."""
        if self.recording:
            self.reconnects += 1

    def report(self, elapsed_s: float, unanswered: int) -> Report:
        """Sum up."""
        return Report(
            good=self.good,
            bad=self.bad.total(),
            first_bad=next(iter(self.bad), ""),
            elapsed_s=elapsed_s,
            requests_per_s=self.good / elapsed_s if elapsed_s else 0.0,
            chunks=self.chunks,
            chunks_per_s=self.chunks / elapsed_s if elapsed_s else 0.0,
            reconnects=self.reconnects,
            issued_late=self.issued_late,
            unanswered=unanswered,
            latency_us=spread(self.latencies_us),
            first_token_us=spread(self.first_tokens_us),
            chunk_delay_us=spread(self.chunk_delays_us),
            shed=len(self.sheds_us),
            shed_unexplained=self.shed_unexplained,
            shed_us=spread(self.sheds_us),
        )


def describe_bad(status: int, body: bytes) -> str:
    """Say in one line what was wrong with a reply."""
    text = body[:NOTE_BYTES].decode("utf-8", "replace")
    return f"{status} {''.join(sign if sign.isprintable() else '.' for sign in text)}"
