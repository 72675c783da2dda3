"""Which faults met a request in the phase that they were meant for, and what is read of journals and histories."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.evidence import Evidence, Work, read_works
from tests.chaos.faults import Injected, Kind, Phase
from tests.chaos.history import Call, End, Ending, History, Story, read_stories

AT_S = 1_000.0
STREAM = Call(7, "raw", "auto", "free", True, 4, 50, AT_S)
WHOLE = replace(STREAM, stream=False)
ENDING = Ending(7, End.DONE, AT_S + 2.0, first_content_s=AT_S + 1.0)
ATTEMPT: dict[str, Any] = {
    "tier": "small",
    "endpoint": "small/0",
    "started_ms": 100.0,
    "first_content_ms": None,
    "ended_ms": 300.0,
    "failure": "connect",
    "detail": "connection refused",
}


def injected(kind: Kind, phase: Phase, after_s: float, *, exposed: int = 0) -> Injected:
    return Injected(1, kind, phase, "small/0", AT_S + after_s, AT_S + after_s + 0.2, victim=7, exposed=exposed)


def evidence(call: Call = STREAM, ending: Ending = ENDING) -> Evidence:
    receipts = {7: {"received_s": AT_S, "attempts": [ATTEMPT]}}
    return Evidence([Story(call, ending)], [], [], receipts, [], [], {})


@pytest.mark.parametrize(
    ("call", "kind", "phase", "after_s", "is_met"),
    [
        (STREAM, Kind.RESET, Phase.WAITING, 0.5, True),
        (STREAM, Kind.RESET, Phase.WAITING, 1.5, False),
        (STREAM, Kind.RESET, Phase.STREAMING, 1.5, True),
        (STREAM, Kind.RESET, Phase.STREAMING, 0.5, False),
        (STREAM, Kind.RESET, Phase.STREAMING, 2.5, False),
        (STREAM, Kind.RESET, Phase.WHOLE, 0.5, False),
        (WHOLE, Kind.RESET, Phase.WHOLE, 0.5, True),
        (STREAM, Kind.LEAVE, Phase.WAITING, 0.5, False),
        (STREAM, Kind.REFUSE, Phase.ARRIVING, 0.0, True),
        (STREAM, Kind.REFUSE, Phase.ARRIVING, 0.2, False),
        (STREAM, Kind.REDIS_KILL, Phase.ANY, -0.1, True),
        (STREAM, Kind.REDIS_KILL, Phase.ANY, 0.5, False),
        (STREAM, Kind.TERMINATE, Phase.ANY, 0.5, False),
    ],
)
def test_a_fault_counts_where_a_request_was_in_its_phase(
    call: Call, kind: Kind, phase: Phase, after_s: float, is_met: bool
) -> None:
    assert evidence(call).met(injected(kind, phase, after_s)) is is_met


def test_a_fault_of_the_house_counts_where_requests_were_open_to_it() -> None:
    assert evidence().met(injected(Kind.TERMINATE, Phase.ANY, 0.5, exposed=1))


def test_a_client_that_left_was_met_where_it_left() -> None:
    left = evidence(ending=replace(ENDING, end=End.LEFT))
    assert left.met(injected(Kind.LEAVE, Phase.WAITING, 0.5))


def test_a_journal_tells_what_became_of_each_call_over_all_lives_of_a_server(tmp_path: Path) -> None:
    journal = tmp_path / "small-0.journal"
    lines = [
        '{"server": "small-0", "request": 1, "serial": "ax0", "event": "asked", "at_s": 1.0}',
        '{"server": "small-0", "request": 2, "serial": "ax1", "event": "asked", "at_s": 2.0}',
        '{"server": "small-0", "request": 1, "serial": "ax0", "event": "gone", "at_s": 3.0, "sent_bytes": 5}',
        '{"server": "small-0", "request": 2, "serial": "bx0", "event": "asked", "at_s": 4.0}',
        '{"server": "small-0", "request": 2, "serial": "bx0", "ev',
    ]
    journal.write_text("\n".join(lines))
    assert list(read_works(journal)) == [
        Work("small-0", "ax0", 1, 1.0, "gone", 3.0),
        Work("small-0", "ax1", 2, 2.0),
        Work("small-0", "bx0", 2, 4.0),
    ]


def test_histories_of_several_clients_are_put_together(tmp_path: Path) -> None:
    paths = [tmp_path / "one", tmp_path / "two"]
    with History(paths[0]) as one, History(paths[1]) as two:
        one.invoke(STREAM)
        two.invoke(replace(STREAM, request=3))
        one.end(replace(ENDING, answer_ids=("a", "b")))
    unended, ended = read_stories(paths)
    assert (unended.call.request, unended.ending) == (3, None)
    assert (ended.call, ended.ending) == (STREAM, replace(ENDING, answer_ids=("a", "b")))


def test_a_request_that_ended_twice_is_refused(tmp_path: Path) -> None:
    with History(tmp_path / "one") as history:
        history.invoke(STREAM)
        history.end(ENDING)
        history.end(ENDING)
    with pytest.raises(ValueError, match="request 7 is written down twice"):
        read_stories([tmp_path / "one"])
