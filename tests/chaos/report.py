"""A campaign's report: what was injected, which promises were kept, how long things took; Markdown for people."""

import datetime
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from load_tests.compare import machine
from tests.chaos.checker import Violation, excused, violations
from tests.chaos.evidence import Evidence
from tests.chaos.faults import HOUSE, ON_REDIS, OUTSIDE, Injected, Kind, Phase
from tests.chaos.figures import Figure, figures

SHOWN = 40
"""Violations that are listed one by one."""
_SILENCES = frozenset({Kind.STALL, Kind.FREEZE, Kind.FREEZE_REAL, Kind.SWALLOW, Kind.IGNORE})
_BREAKS_ONE = frozenset({Kind.CUT, Kind.CORRUPT})
_PROMISES: tuple[tuple[str, str, Callable[[Injected], bool]], ...] = (
    ("P1", "one outcome and one settlement a request", lambda fault: True),
    ("P5", "content of one attempt only", lambda fault: _is_of_servers(fault)),
    ("P9", "a client that leaves is noticed", lambda fault: fault.kind is Kind.LEAVE),
    ("P10", "an endpoint's death is invisible before the first content", lambda fault: _is_before_content(fault)),
    ("P11", "a broken answer never looks whole", lambda fault: _may_break(fault)),
    ("P12", "the loss of Redis stops nobody for long", lambda fault: fault.kind in ON_REDIS),
    ("P14", "a gateway that ends refuses nobody and cuts nothing", lambda fault: fault.kind is Kind.TERMINATE),
    ("P15", "nothing outlives its deadline", lambda fault: fault.kind in _SILENCES),
)
"""Each promise, with the faults that could break it."""


def _is_of_servers(fault: Injected) -> bool:
    return fault.kind in OUTSIDE and fault.kind is not Kind.LEAVE


def _is_before_content(fault: Injected) -> bool:
    return _is_of_servers(fault) and fault.phase is not Phase.STREAMING


def _may_break(fault: Injected) -> bool:
    return _is_of_servers(fault) and (fault.phase is Phase.STREAMING or fault.kind in _BREAKS_ONE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a promise. `met` counts the faults that could have broken it and met a request."""

    promise: str
    sentence: str
    met: int
    broken: int

    @property
    def word(self) -> str:
        """The verdict in one word or two: what nothing could have broken was not put to the test."""
        if self.broken:
            return "broken"
        return "kept" if self.met else "not run"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything found. `injected` and `met` count faults by kind and phase."""

    at: str
    machine: dict[str, object]
    run: dict[str, Any]
    requests: int
    ends: dict[str, int]
    injected: dict[tuple[Kind, Phase], int]
    met: dict[tuple[Kind, Phase], int]
    verdicts: Sequence[Verdict]
    violations: Sequence[Violation]
    excused: Sequence[Violation]
    starved_share: float
    """Of the time: how long the machine was too busy for the campaign's own process."""
    figures: Sequence[Figure]

    @property
    def exit_code(self) -> int:
        """0: every promise was put to the test and kept. 1: one was broken. 2: one was not put to the test."""
        words = {verdict.word for verdict in self.verdicts}
        return 1 if "broken" in words else 2 if "not run" in words else 0

    def to_json(self) -> dict[str, Any]:
        """Return what is written for other programs."""
        return {
            "at": self.at,
            "machine": self.machine,
            "seed": self.run["seed"],
            "requests": self.requests,
            "ends": self.ends,
            "faults": [
                {"kind": kind.value, "phase": phase.value, "injected": count, "met": self.met.get((kind, phase), 0)}
                for (kind, phase), count in self.injected.items()
            ],
            "verdicts": [{**asdict(verdict), "verdict": verdict.word} for verdict in self.verdicts],
            "violations": [asdict(violation) for violation in self.violations],
            "excused": [asdict(violation) for violation in self.excused],
            "starved_share": self.starved_share,
            "figures": [asdict(figure) for figure in self.figures],
        }


def judge(evidence: Evidence) -> Report:
    """Judge a campaign."""
    met = [fault for fault in evidence.faults if evidence.met(fault)]
    broken = violations(evidence)
    counts = Counter(violation.promise for violation in broken)
    verdicts = [
        Verdict(promise, sentence, sum(map(could_break, met)), counts[promise])
        for promise, sentence, could_break in _PROMISES
    ]
    ends = Counter("unknown" if story.ending is None else story.ending.end.value for story in evidence.stories)
    return Report(
        at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        machine=machine(),
        run=evidence.run,
        requests=len(evidence.stories),
        ends=dict(ends.most_common()),
        injected=dict(Counter((fault.kind, fault.phase) for fault in evidence.faults)),
        met=dict(Counter((fault.kind, fault.phase) for fault in met)),
        verdicts=verdicts,
        violations=broken,
        excused=excused(evidence),
        starved_share=_share(evidence),
        figures=figures(evidence),
    )


def _share(evidence: Evidence) -> float:
    took_s: float = evidence.run["ended_s"] - evidence.run["began_s"]
    return sum(ended_s - began_s for began_s, ended_s in evidence.starved) / took_s


def markdown(report: Report) -> str:
    """Write the report for people."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    injected, met = sum(report.injected.values()), sum(report.met.values())
    took_s = report.run["ended_s"] - report.run["began_s"]
    yield "# Chaos"
    yield ""
    yield (
        f"{report.at}, seed {report.run['seed']}, {report.machine['cpu']}, {report.machine['cores']} cores:"
        f" {injected} faults in {took_s / 60:.0f} minutes, {met} of which met a request in their phase;"
        f" {report.requests:,} requests, {len(report.violations)} violations."
    )
    yield ""
    yield (
        f"The machine was too busy for the campaign's own process in {report.starved_share:.1%} of the time;"
        f" {len(report.excused)} promises about time that were missed then are not counted."
    )
    yield ""
    yield "Ends: " + ", ".join(f"{end} {count:,}" for end, count in report.ends.items()) + "."
    yield from ("", "| promise | | faults that could break it | violations | verdict |", "|---|---|---|---|---|")
    for verdict in report.verdicts:
        yield f"| {verdict.promise} | {verdict.sentence} | {verdict.met} | {verdict.broken} | {verdict.word} |"
    yield from ("", "| figure | times | median | 99th percentile | longest |", "|---|---|---|---|---|")
    for figure in report.figures:
        spread = (_number(value, figure.unit) for value in (figure.median, figure.p99, figure.longest))
        yield f"| {figure.name} | {figure.count:,} | {' | '.join(spread)} |"
    yield ""
    yield from _faults(report)
    for violation in report.violations[:SHOWN]:
        whose = "" if violation.request is None else f" request {violation.request}"
        yield f"- {violation.promise}:{whose} {violation.what}"


def _faults(report: Report) -> Iterator[str]:
    """Draw injected faults by kind and phase; those that met a request in their phase come first."""
    yield "Faults that met a request in their phase, of those injected:"
    yield ""
    phases = list(Phase)
    yield "| fault | " + " | ".join(phase.value for phase in phases) + " |"
    yield "|---" * (len(phases) + 1) + "|"
    for kind in (*OUTSIDE, *HOUSE):
        pairs = [(kind, phase) for phase in phases]
        cells = (
            f"{report.met.get(pair, 0)}/{report.injected[pair]}" if pair in report.injected else "" for pair in pairs
        )
        yield f"| {kind.value} | {' | '.join(cells)} |"
    yield ""


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.1f} {unit}" if unit else f"{value:,.3f}"
