"""The checker finds each kind of breach that is planted, and nothing in what is sound."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.books import Books
from tests.chaos.checker import excused, violations
from tests.chaos.evidence import Evidence, Work
from tests.chaos.faults import Injected, Kind, Phase
from tests.chaos.front import Refused
from tests.chaos.history import Call, End, Ending, Story
from tests.chaos.marked_server import Mark
from tests.chaos.report import judge, markdown

AT_S = 1_000.0
TOKENS = 4
CALL = Call(1, "raw", "auto", "free", True, TOKENS, 50, AT_S)
BALANCED = Books(AT_S + 60.0, 70, 70, 0, 0, ())


def marks(count: int, *, request: int = 1, serial: str = "ax0", first: int = 0) -> str:
    """Write so many tokens of one attempt."""
    return "".join(str(Mark(request, "small-0", serial, place)) for place in range(first, first + count))


WHOLE = Ending(
    request=1,
    end=End.DONE,
    ended_s=AT_S + 1.0,
    status=200,
    request_id="req_1",
    text=marks(TOKENS),
    answer_ids=("chatcmpl-1",),
    finish_reason="stop",
    has_done=True,
    first_content_s=AT_S + 0.1,
)
TOLD = replace(WHOLE, end=End.TOLD, text=marks(2), finish_reason=None, has_done=False, code="stream_interrupted")
LEFT = replace(WHOLE, end=End.LEFT, text=marks(1), finish_reason=None, has_done=False)


def fault(kind: Kind, phase: Phase = Phase.ANY, *, target: str = "small/0", lasts_s: float = 1.0) -> Injected:
    """A fault that was there from half a second after the request was made."""
    return Injected(1, kind, phase, target, AT_S + 0.5, AT_S + 0.5 + lasts_s, victim=1, exposed=1)


def receipt(outcome: str) -> dict[str, Any]:
    return {"id": "req_1", "received_s": AT_S, "outcome": outcome, "attempts": []}


SHUT = replace(
    WHOLE, end=End.ERROR, text="", status=503, detail="large takes no more requests that are meant for cheaper tiers"
)
TRIED_BOTH = {
    1: {
        **receipt("no_tier"),
        "attempts": [
            {
                "endpoint": f"small/{number}",
                "started_ms": 1.0,
                "first_content_ms": None,
                "ended_ms": 2.0,
                "failure": "connect",
                "detail": "",
            }
            for number in range(2)
        ],
    }
}


def evidence(
    ending: Ending | None = WHOLE,
    *,
    call: Call = CALL,
    more: Sequence[Story] = (),
    works: Sequence[Work] = (),
    faults: Sequence[Injected] = (),
    receipts: dict[int, dict[str, Any]] | None = None,
    refused: Sequence[Refused] = (),
    books: Books = BALANCED,
) -> Evidence:
    run = {"seed": 1, "began_s": AT_S, "ended_s": AT_S + 60.0}
    stories = (Story(call, ending), *more)
    return Evidence(stories, works, faults, receipts or {}, refused, [books], run)


def broken(found: Evidence) -> list[str]:
    """Return the promises that were broken, each once."""
    return sorted({violation.promise for violation in violations(found)})


def a_work(event: str | None, after_s: float = 0.0) -> Work:
    """What the server of a client that left did."""
    return Work("small-0", "ax0", 1, AT_S + 0.1, event, None if event is None else LEFT.ended_s + after_s)


SOUND = {
    "a whole answer": evidence(receipts={1: receipt("success_upstream")}),
    "a broken answer that says so": evidence(TOLD, receipts={1: receipt("stream_truncated")}),
    "a real model's answer": evidence(replace(WHOLE, text="nonsense"), call=replace(CALL, alias="real")),
    "the fallback of a real model": evidence(WHOLE, call=replace(CALL, alias="real")),
    "a client that left and was noticed": evidence(LEFT, works=[a_work("gone", 0.1)]),
    "a client that left too late": evidence(LEFT, works=[a_work("finished", -0.1)]),
    "a server that died with its client gone": evidence(LEFT, works=[a_work(None)], faults=[fault(Kind.KILL)]),
    "a stream lost with its worker": evidence(
        replace(TOLD, end=End.SILENT, code=None), faults=[fault(Kind.KILL_WORKER, target="gateway-a")]
    ),
    "a budget that cannot be checked": evidence(
        replace(WHOLE, end=End.ERROR, text="", status=503, code="ledger_unavailable"),
        call=replace(CALL, tenant="rich"),
    ),
    "an error for want of retries, by its receipt": evidence(
        replace(WHOLE, end=End.ERROR, text="", status=502, code="upstream_error"),
        receipts={1: {**receipt("upstream_failed"), "no_retry": "retry_budget"}},
    ),
    "an error for want of retries, by its message": evidence(
        replace(WHOLE, end=End.ERROR, text="", status=502, detail="Tried small: reset. Retries are limited for now.")
    ),
    "an error where all servers were harmed and the dearer tier had its share": evidence(
        SHUT, receipts=TRIED_BOTH, faults=[fault(Kind.KILL), fault(Kind.FREEZE, target="small/1")]
    ),
    "an unknown end with its hold open": evidence(
        replace(LEFT, end=End.LEFT), books=replace(BALANCED, held_usd_nano=5, open_usd_nano=5, open_ids=("req_1",))
    ),
    "late behind a frozen worker": evidence(
        replace(WHOLE, ended_s=AT_S + 30.0), faults=[fault(Kind.FREEZE_WORKER, target="gateway-a", lasts_s=25.0)]
    ),
}
BREACHES = {
    "a request without an end": ("P1", evidence(None)),
    "an id given twice": ("P1", evidence(more=[Story(replace(CALL, request=2), replace(LEFT, request=2, text=""))])),
    "a receipt that says otherwise": ("P1", evidence(receipts={1: receipt("stream_truncated")})),
    "a fault of the gateway's": ("P1", evidence(TOLD, receipts={1: receipt("internal")})),
    "spend that nobody was charged": ("P1", evidence(books=replace(BALANCED, posted_usd_nano=71))),
    "a hold that is held twice": ("P1", evidence(books=replace(BALANCED, held_usd_nano=9))),
    "a hold that outlives its request": ("P1", evidence(books=replace(BALANCED, open_ids=("req_1",)))),
    "content of two attempts": ("P5", evidence(replace(WHOLE, text=marks(2) + marks(2, serial="ax1", first=2)))),
    "chunks of two answers": ("P5", evidence(replace(WHOLE, answer_ids=("chatcmpl-1", "chatcmpl-2")))),
    "a token twice": ("P5", evidence(replace(WHOLE, text=marks(2) + marks(2, first=1)))),
    "another's token": ("P5", evidence(replace(WHOLE, text=marks(TOKENS, request=9)))),
    "half a token": ("P5", evidence(replace(TOLD, text=marks(2)[:-3]))),
    "a model's text and then another's": (
        "P5",
        evidence(replace(WHOLE, text="nonsense" + marks(2)), call=replace(CALL, alias="real")),
    ),
    "a server that was never told": ("P9", evidence(LEFT, works=[a_work(None)])),
    "a server that was told late": ("P9", evidence(LEFT, works=[a_work("gone", 0.3)])),
    "an error where another server could answer": (
        "P10",
        evidence(replace(WHOLE, end=End.ERROR, text="", status=502, code="upstream_error")),
    ),
    "an error after the last attempt that was allowed": (
        "P10",
        evidence(
            replace(WHOLE, end=End.ERROR, text="", status=502, code="upstream_error"),
            receipts={1: {**receipt("upstream_failed"), "no_retry": "exhausted"}},
        ),
    ),
    "a refusal for want of a ledger that is not needed": (
        "P10",
        evidence(replace(WHOLE, end=End.ERROR, text="", status=503, code="ledger_unavailable")),
    ),
    "an error where a server of its tier was sound": (
        "P10",
        evidence(SHUT, receipts=TRIED_BOTH, faults=[fault(Kind.KILL), fault(Kind.LEAVE, target="small/1")]),
    ),
    "an error where the dearer tier had room": (
        "P10",
        evidence(
            replace(SHUT, detail="every server failed"),
            receipts=TRIED_BOTH,
            faults=[fault(Kind.KILL), fault(Kind.FREEZE, target="small/1")],
        ),
    ),
    "half an answer with its end": ("P11", evidence(replace(WHOLE, text=marks(2)))),
    "an answer without a finish reason": ("P11", evidence(replace(WHOLE, finish_reason=None))),
    "an empty answer": ("P11", evidence(replace(WHOLE, text=""))),
    "an answer that ends without a word": ("P11", evidence(replace(TOLD, end=End.SILENT, code=None))),
    "an error and the end of a whole answer": ("P11", evidence(replace(TOLD, has_done=True))),
    "a connection refused by who is in the list": ("P14", evidence(refused=[Refused("gateway-a", AT_S)])),
    "a client that found nobody": ("P14", evidence(replace(WHOLE, end=End.REFUSED, text=""))),
    "a stream cut off by the drain": ("P14", evidence(replace(TOLD, code="draining"))),
    "a connection lost as a gateway ended": (
        "P14",
        evidence(replace(TOLD, end=End.SILENT, code=None), faults=[fault(Kind.TERMINATE, target="gateway-b")]),
    ),
    "an answer long after its deadline": ("P15", evidence(replace(WHOLE, ended_s=AT_S + 30.0))),
    "a request that hangs": ("P15", evidence(replace(WHOLE, end=End.LATE, text=""))),
}


@pytest.mark.parametrize("found", SOUND.values(), ids=SOUND)
def test_nothing_is_found_in_what_is_sound(found: Evidence) -> None:
    assert violations(found) == []


@pytest.mark.parametrize(("promise", "found"), BREACHES.values(), ids=BREACHES)
def test_each_breach_is_found_and_put_to_its_promise(promise: str, found: Evidence) -> None:
    assert broken(found) == [promise]


def test_a_ledger_that_does_not_come_back_is_found() -> None:
    away = fault(Kind.REDIS_FREEZE, target="redis")
    late = Call(2, "raw", "auto", "rich", True, TOKENS, 50, away.healed_s + 6.0)
    served = replace(WHOLE, request=2, request_id="req_2", text=marks(TOKENS, request=2), ended_s=late.invoked_s + 1.0)
    assert broken(evidence(faults=[away], more=[Story(late, served)])) == ["P12"]
    soon = replace(late, invoked_s=away.healed_s + 1.0)
    assert broken(evidence(faults=[away], more=[Story(soon, served)])) == []


def test_what_a_busy_machine_made_late_is_told_apart_and_what_a_client_got_is_not() -> None:
    error = evidence(replace(WHOLE, end=End.ERROR, text="", status=504, code="upstream_timeout"))
    starved = replace(error, starved=((AT_S + 0.2, AT_S + 0.4),))
    assert violations(starved) == []
    assert [found.promise for found in excused(starved)] == ["P10"]
    long_before = replace(error, starved=((AT_S - 9.0, AT_S - 8.0),))
    assert broken(long_before) == ["P10"]
    half = replace(evidence(replace(WHOLE, text=marks(2))), starved=starved.starved)
    assert broken(half) == ["P11"]
    late = evidence(LEFT, works=[a_work("gone", 0.3)])
    assert broken(replace(late, starved=((LEFT.ended_s + 0.05, LEFT.ended_s + 0.25),))) == []


def test_a_promise_that_nothing_could_have_broken_was_not_put_to_the_test() -> None:
    report = judge(evidence(LEFT, works=[a_work("gone")], faults=[fault(Kind.LEAVE, Phase.STREAMING)]))
    words = {verdict.promise: verdict.word for verdict in report.verdicts}
    assert words == {
        "P1": "kept",
        "P5": "not run",
        "P9": "kept",
        "P10": "not run",
        "P11": "not run",
        "P12": "not run",
        "P14": "not run",
        "P15": "not run",
    }
    assert report.exit_code == 2


def test_a_fault_that_met_nobody_in_its_phase_puts_nothing_to_the_test() -> None:
    missed = fault(Kind.LEAVE, Phase.WAITING)
    report = judge(evidence(LEFT, faults=[missed]))
    assert not report.met
    assert report.injected == {(Kind.LEAVE, Phase.WAITING): 1}
    assert {verdict.word for verdict in report.verdicts} == {"not run"}


def test_a_report_names_what_was_broken_and_fails() -> None:
    found = evidence(replace(WHOLE, text=marks(2)), faults=[fault(Kind.CUT, Phase.ARRIVING)])
    report = judge(found)
    assert report.exit_code == 1
    text = markdown(report)
    assert "- P11: request 1 looks whole, and has 2 of 4 tokens" in text
    assert "| path cut at a byte | 0/1 |" in text
    assert report.to_json()["violations"][0]["promise"] == "P11"
