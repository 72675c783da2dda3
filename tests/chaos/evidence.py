"""What a campaign left behind, read again, and which of its faults met a request in the phase they were meant for."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.chaos.books import Books
from tests.chaos.campaign import read_injected
from tests.chaos.faults import ON_REDIS, Injected, Kind, Phase
from tests.chaos.front import Refused
from tests.chaos.history import End, Story, read_lines, read_stories

SLACK_S = 0.03
"""Between the clocks of two processes' turns."""
STARVES_ON_S = 0.5
"""What waited while a process could not run is worked off by then."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a marked server did for one call: when it was asked, and how that ended; None when the server died first."""

    server: str
    serial: str
    request: int
    asked_s: float
    event: str | None = None
    """`finished`: everything was sent. `gone`: the caller left before."""
    ended_s: float | None = None

    @property
    def endpoint(self) -> str:
        """The server as receipts name it."""
        return self.server.replace("-", "/")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call of a model server, from a receipt; wall clock."""

    request: int
    endpoint: str
    started_s: float
    first_content_s: float | None
    ended_s: float
    failure: str | None
    detail: str


@dataclass(frozen=True)
class Evidence:
    """Everything there is to judge by."""

    stories: Sequence[Story]
    works: Sequence[Work]
    faults: Sequence[Injected]
    receipts: dict[int, dict[str, Any]]
    refused: Sequence[Refused]
    books: Sequence[Books]
    run: dict[str, Any]
    starved: Sequence[tuple[float, float]] = ()
    """When the campaign's own process was kept from running."""

    @cached_property
    def attempts(self) -> list[list[Attempt]]:
        """The attempts of each request that has a receipt, in order."""
        return [list(_attempts(number, receipt)) for number, receipt in self.receipts.items()]

    @cached_property
    def by_endpoint(self) -> dict[str, list[Attempt]]:
        """The attempts at each endpoint, by their start."""
        found: dict[str, list[Attempt]] = defaultdict(list)
        for attempts in self.attempts:
            for attempt in attempts:
                found[attempt.endpoint].append(attempt)
        return {name: sorted(each, key=lambda one: one.started_s) for name, each in found.items()}

    @cached_property
    def by_request(self) -> dict[int, Story]:
        """The requests by their numbers."""
        return {story.call.request: story for story in self.stories}

    def during(self, kinds: Iterable[Kind], began_s: float, ended_s: float, margin_s: float = 0.0) -> bool:
        """Tell whether a fault of those kinds was there in that time, or so shortly before."""
        wanted = frozenset(kinds)
        return any(fault.kind in wanted and fault.overlaps(began_s, ended_s, margin_s) for fault in self.faults)

    def was_starved(self, began_s: float, ended_s: float) -> bool:
        """Tell whether the machine was too busy for its paths, in that time or so shortly before."""
        return any(start_s <= ended_s and began_s <= end_s + STARVES_ON_S for start_s, end_s in self.starved)

    def met(self, fault: Injected) -> bool:
        """Tell whether a fault met a request in the phase it was meant for."""
        match fault.phase:
            case Phase.ANY:
                return fault.exposed > 0 or self._has_invoked(fault)
            case Phase.ARRIVING:
                return any(
                    fault.injected_s - SLACK_S <= attempt.started_s <= fault.healed_s
                    for attempt in self.by_endpoint.get(fault.target, ())
                )
            case _:
                story = self.by_request.get(fault.victim or 0)
                return story is not None and _is_in_phase(story, fault)

    def _has_invoked(self, fault: Injected) -> bool:
        return fault.kind in ON_REDIS and any(
            fault.injected_s <= story.call.invoked_s <= fault.healed_s for story in self.stories
        )


def _is_in_phase(story: Story, fault: Injected) -> bool:
    """Tell whether the request that a relay had seen was where the fault was to meet it."""
    ending, at_s = story.ending, fault.injected_s
    if ending is None or not story.call.invoked_s <= at_s <= ending.ended_s + SLACK_S:
        return False
    if fault.kind is Kind.LEAVE and ending.end is not End.LEFT:
        return False
    has_content = ending.first_content_s is not None and ending.first_content_s <= at_s
    return has_content == (fault.phase is Phase.STREAMING) and story.call.stream == (fault.phase is not Phase.WHOLE)


def _attempts(request: int, receipt: dict[str, Any]) -> Iterable[Attempt]:
    zero_s = receipt["received_s"]
    for one in receipt["attempts"]:
        content_ms = one["first_content_ms"]
        yield Attempt(
            request,
            one["endpoint"],
            zero_s + one["started_ms"] / 1e3,
            None if content_ms is None else zero_s + content_ms / 1e3,
            zero_s + one["ended_ms"] / 1e3,
            one["failure"],
            one["detail"],
        )


def read_evidence(folder: Path) -> Evidence:
    """Read what a campaign left in its folder."""
    run = json.loads((folder / "run.json").read_text())
    return Evidence(
        stories=read_stories((folder / "raw.history", folder / "official.history")),
        works=[work for path in sorted(folder.glob("*.journal")) for work in read_works(path)],
        faults=read_injected(folder / "faults.jsonl"),
        receipts={line["request"]: line for line in read_lines(folder / "receipts.jsonl")},
        refused=[Refused(**line) for line in run["refused"]],
        books=[Books(**{**line, "open_ids": tuple(line["open_ids"])}) for line in run["books"]],
        run=run,
        starved=[(began_s, ended_s) for began_s, ended_s in run["starved"]],
    )


def read_works(path: Path) -> Iterable[Work]:
    """Read a marked server's journal, over all its lives."""
    asked: dict[str, dict[str, Any]] = {}
    ended: dict[str, dict[str, Any]] = {}
    for line in read_lines(path):
        (asked if line["event"] == "asked" else ended)[line["serial"]] = line
    for serial, line in asked.items():
        end = ended.get(serial, {})
        yield Work(line["server"], serial, line["request"], line["at_s"], end.get("event"), end.get("at_s"))
