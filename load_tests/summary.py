"""Turns measurements into the rows of a table: medians with their ranges, ratios taken within one round."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from load_tests.compare import Measurement
from load_tests.targets import BEFORE, DIRECT

YARDSTICK = "nginx"

Reading = Callable[[Measurement], float | None]


@dataclass(frozen=True, slots=True)
class Range:
    """A figure over the rounds."""

    median: float
    low: float
    high: float

    def text(self, digits: int = 0) -> str:
        """Write the median, and the range where there is one."""
        if self.low == self.high:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} [{self.low:,.{digits}f}–{self.high:,.{digits}f}]"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row. `against` names the target it is counted from: `minus` subtracts, otherwise it divides.

    `against_scenario` is the other's test, when it is not the same one. `goal` is what this gateway is held to.
    """

    title: str
    scenario: str
    read: Reading
    digits: int = 0
    against: str | None = None
    minus: bool = False
    against_scenario: str | None = None
    goal: str = ""


def _latency(percentile: str) -> Reading:
    return lambda m: getattr(m.report.latency_us, percentile, None)


def _cpu(m: Measurement) -> float | None:
    return m.cpu_us_per_request if m.cpu_s else None


def _cpu_per_chunk(m: Measurement) -> float | None:
    return m.cpu_us_per_chunk if m.cpu_s else None


FIGURES = (
    Figure("CPU µs a request, 2 kB, cache miss", "c64", _cpu, goal="≤ 400, aim 250"),
    Figure("  × nginx", "c64", _cpu, 2, YARDSTICK),
    Figure("  × before", "c64", _cpu, 2, BEFORE),
    Figure("  requests/s on its core", "c64", lambda m: m.report.requests_per_s),
    Figure("CPU µs a request, 50 kB, cache miss", "c64_50k", _cpu),
    Figure("  × nginx", "c64_50k", _cpu, 2, YARDSTICK),
    Figure("CPU µs an exact hit, 2 kB", "hit", _cpu, goal="≤ 150"),
    Figure("  × nginx passing the request on", "hit", _cpu, 2, YARDSTICK, against_scenario="c64"),
    Figure("  × before", "hit", _cpu, 2, BEFORE),
    Figure("added µs at 100 requests/s, p50", "r100", _latency("p50"), 0, DIRECT, minus=True),
    Figure("  p99", "r100", _latency("p99"), 0, DIRECT, minus=True),
    Figure(
        "added µs to the first token, p50, aged connections",
        "sq",
        lambda m: m.report.first_token_us.p50 if m.report.first_token_us else None,
        0,
        DIRECT,
        minus=True,
        goal="≤ 1,500",
    ),
    Figure("CPU µs a chunk, unpaced", "s0", _cpu_per_chunk, 1, goal="≤ 28"),
    Figure("  × nginx", "s0", _cpu_per_chunk, 2, YARDSTICK, goal="≤ 3.5"),
    Figure("  × before", "s0", _cpu_per_chunk, 2, BEFORE),
    Figure("  chunks/s on its core", "s0", lambda m: m.report.chunks_per_s),
    Figure("memory (PSS), MB", "c64", lambda m: m.pss_bytes / 1e6 or None),
)


def figure_range(figure: Figure, target: str, measurements: Sequence[Measurement]) -> Range | None:
    """Return the figure for a target over the rounds; None when it was not measured."""
    others = {m.round: m for m in measurements if _is(m, figure.against, figure.against_scenario or figure.scenario)}
    own = [m for m in measurements if _is(m, target, figure.scenario)]
    known = [value for m in own if (value := _value(figure, m, others.get(m.round))) is not None]
    return Range(statistics.median(known), min(known), max(known)) if known else None


def bad_replies(target: str, measurements: Sequence[Measurement]) -> tuple[int, str]:
    """Return how many replies of a target were wrong, and the first of them."""
    reports = [m.report for m in measurements if m.target == target]
    first = next((report.first_bad for report in reports if report.first_bad), "")
    return sum(report.bad for report in reports), first


def _is(m: Measurement, target: str | None, scenario: str) -> bool:
    return m.target == target and m.scenario == scenario


def _value(figure: Figure, own: Measurement, other: Measurement | None) -> float | None:
    value = figure.read(own)
    if figure.against is None or value is None:
        return value
    base = figure.read(other) if other is not None else None
    if base is None or own.target == figure.against:
        return None
    if figure.minus:
        return value - base
    return value / base if base else None
