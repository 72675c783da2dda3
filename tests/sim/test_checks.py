"""Every check can fail: a sound run with one thing spoilt is found out by the promise that it breaks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from gateway.domain.batch import BatchEnding, Priority
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import RequestId, SnapshotId
from gateway.domain.ledger import Settlement
from gateway.domain.outcome import Outcome
from tests.sim.books import money_violations
from tests.sim.call import Call
from tests.sim.case import Ask, CallFault, Mishap, Mode, Shape
from tests.sim.checks import violations
from tests.sim.life_checks import LET_GO_S
from tests.sim.redis_case import Redis, RedisFault, RedisTrouble
from tests.sim.redis_checks import WAIT_MAX_S
from tests.sim.run import Run, number_of
from tests.sim.stage import play
from tests.sim.worlds import case_with, played

KEYED = Shape(servers=(1, 1), keyed=True)


def sound() -> Run:
    """A stream that failed over, and a whole answer, of a tenant with a budget."""
    asks = (Ask(0, 0.0, tokens=3), Ask(1, 1.0, stream=False, tokens=2))
    run = played(*asks, calls=(CallFault(0, 0, Mishap.REFUSED),), shape=KEYED)
    assert violations(run) == []
    assert list(money_violations(run)) == []
    return run


def parts(run: Run, number: int = 0) -> list[bytes]:
    """What a client received."""
    return run.clients[number].responder.parts


def drop_a_token(run: Run) -> None:
    """Lose the second part."""
    del parts(run)[1]


def double_a_token(run: Run) -> None:
    """Send the second part again."""
    parts(run).insert(1, parts(run)[1])


def mix_calls(run: Run) -> None:
    """Let a token come from another call."""
    parts(run)[1] = parts(run)[1].replace("⟨0.1.".encode(), "⟨0.0.".encode())


def foreign_content(run: Run) -> None:
    """Let all tokens be another request's."""
    parts(run)[:] = [part.replace("⟨0.".encode(), "⟨1.".encode()) for part in parts(run)]


def change_a_byte(run: Run) -> None:
    """Alter what does not matter to a reader."""
    parts(run)[0] = parts(run)[0].replace(b'"index":0', b'"index":1', 1)


def drop_the_end(run: Run) -> None:
    """Let the stream end without [DONE]."""
    parts(run).pop()


def two_ends(run: Run) -> None:
    """Send [DONE] again."""
    parts(run).append(b"data: [DONE]\n\n")


def cut_short(run: Run) -> None:
    """Let [DONE] come before the last token and the finish."""
    parts(run)[-2:-1] = []


def error_and_done(run: Run) -> None:
    """Tell an error, and say that the answer is whole."""
    parts(run).insert(-1, b'data: {"error":{"code":"stream_interrupted"}}\n\n')


def leave_unfinished(run: Run) -> None:
    """Stop sending."""
    run.clients[0].responder.finished = False


def shorten_the_whole(run: Run) -> None:
    """Take a token out of a whole answer."""
    body = parts(run, 1)[0]
    parts(run, 1)[0] = body.replace("⟨1.0.1⟩".encode(), b"")


def break_the_whole(run: Run) -> None:
    """Send half a whole answer."""
    parts(run, 1)[0] = parts(run, 1)[0][:30]


def two_receipts(run: Run) -> None:
    """Record a request twice."""
    run.receipts.append(run.receipts[0])


def no_receipt(run: Run) -> None:
    """Record a request never."""
    run.receipts.pop()


def other_outcome(run: Run) -> None:
    """Record a success as a failure."""
    spoil(run, outcome=Outcome.UPSTREAM_FAILED)


def internal_outcome(run: Run) -> None:
    """Record a fault of ours."""
    spoil(run, outcome=Outcome.INTERNAL)


def other_status(run: Run) -> None:
    """Record another status."""
    spoil(run, status=500)


def other_snapshot(run: Run) -> None:
    """Record another policy."""
    spoil(run, snapshot=SnapshotId("other"))


def other_header(run: Run) -> None:
    """Answer under another policy."""
    run.clients[0].responder.headers[b"x-tiergate-snapshot"] = b"other"


def other_model(run: Run) -> None:
    """Ask for a model that the policy does not have."""
    call = run.calls[0]
    call.question = structs.replace(call.question, model="other")


def unasked_usage(run: Run) -> None:
    """Show usage to who did not ask."""
    parts(run).insert(-1, b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n')


def late_call(run: Run) -> None:
    """Keep a call open for an hour."""
    run.calls[-1].ended_s = 1e6


def late_end(run: Run) -> None:
    """Keep a request alive for an hour."""
    run.clients[0].over_s = 1e6


def held_server(run: Run) -> None:
    """Let a client leave at once, and its server be kept."""
    run.clients[1].left_s = run.clients[1].came_s
    run.calls[-1].ended_s = run.calls[-1].began_s + 1.0


def too_many_calls(run: Run) -> None:
    """Call and call again."""
    run.calls += [run.calls[1]] * 3


def call_behind_content(run: Run) -> None:
    """Call once more when the client has content."""
    run.calls[0].began_s = run.clients[0].responder.part_times_s[0] + 1.0


def a_storm_of_retries(run: Run) -> None:
    """Let five requests fail over within a second."""
    first, second = run.calls[0], run.calls[1]
    for number in range(10, 15):
        for call in (first, second):
            other = Call(call.host, structs.replace(call.question, ask=number), call.began_s)
            other.ended_s = call.ended_s
            run.calls.append(other)


def lost_timer(run: Run) -> None:
    """Leave something behind."""
    run.left_over.append("timer")


def fault_of_ours(run: Run) -> None:
    """Report an invariant."""
    run.reported.append((RequestId("req_0"), AssertionError("I4")))


def loop_trouble(run: Run) -> None:
    """Let the loop report something."""
    run.trouble.append("Task exception was never retrieved")


@pytest.mark.parametrize(
    ("spoil_it", "promise"),
    [
        (drop_a_token, "P19"),
        (double_a_token, "P19"),
        (mix_calls, "P5"),
        (foreign_content, "P5"),
        (change_a_byte, "P19"),
        (drop_the_end, "P11"),
        (two_ends, "P11"),
        (cut_short, "P11"),
        (error_and_done, "P11"),
        (leave_unfinished, "P11"),
        (shorten_the_whole, "P11"),
        (break_the_whole, "P19"),
        (two_receipts, "P1"),
        (no_receipt, "P1"),
        (other_outcome, "P1"),
        (internal_outcome, "P1"),
        (other_status, "P1"),
        (other_snapshot, "P13"),
        (other_header, "P13"),
        (other_model, "P13"),
        (unasked_usage, "case 98"),
        (late_call, "P15"),
        (late_end, "P15"),
        (held_server, "P9"),
        (too_many_calls, "P6"),
        (call_behind_content, "P5"),
        (a_storm_of_retries, "P6"),
        (lost_timer, "census"),
        (fault_of_ours, "fault of ours"),
        (loop_trouble, "I9"),
    ],
    ids=lambda value: value.__name__ if callable(value) else value,
)
def test_what_is_spoilt_is_found_out(spoil_it: Callable[[Run], None], promise: str) -> None:
    run = sound()
    spoil_it(run)
    assert promise in {one.partition(":")[0] for one in violations(run)}


def overcharge(run: Run) -> None:
    """Charge a nano-dollar more."""
    spoil(run, charge_usd_nano=run.receipts[0].charge_usd_nano + 1)


def charge_for_nothing(run: Run) -> None:
    """Charge where no tier answered."""
    spoil(run, tier=None)


def charge_another_tier(run: Run) -> None:
    """Charge for a tier that was not asked."""
    spoil(run, attempts=())


def settle_twice(run: Run) -> None:
    """Settle again."""
    run.ledger.settlements.append(run.ledger.settlements[0])


def settle_never(run: Run) -> None:
    """Forget a hold."""
    run.ledger.settlements.pop()


def settle_otherwise(run: Run) -> None:
    """Settle at another amount than was recorded."""
    first = run.ledger.settlements[0]
    run.ledger.settlements[0] = Settlement(first.hold, first.charge_usd_nano + 1, first.tokens)


def lose_money(run: Run) -> None:
    """Let the books say that more is left."""
    run.budget_left_usd_nano["first"] += 1


@pytest.mark.parametrize(
    "spoil_it",
    [
        overcharge,
        charge_for_nothing,
        charge_another_tier,
        settle_twice,
        settle_never,
        settle_otherwise,
        lose_money,
    ],
    ids=lambda value: value.__name__,
)
def test_money_that_does_not_add_up_is_found_out(spoil_it: Callable[[Run], None]) -> None:
    run = sound()
    spoil_it(run)
    found = list(money_violations(run))
    assert found
    assert all(one.startswith("P1:") for one in found)


def test_a_drain_that_lets_requests_in_is_found_out() -> None:
    run = sound()
    run.drained_s = run.zero_s + 0.5
    assert "P14" in {one.partition(":")[0] for one in violations(run)}


def test_a_failure_long_after_the_last_fault_is_found_out() -> None:
    run = played(Ask(0, 100.0), calls=(CallFault(0, 0, Mishap.STATUS, status=400),))
    assert violations(run) == []
    run.case = structs.replace(run.case, mode=Mode.LIVENESS, quiet_from_s=90.0)
    assert "liveness" in {one.partition(":")[0] for one in violations(run)}


def test_an_answer_kept_for_another_tenant_is_found_out() -> None:
    shape = structs.replace(KEYED, cache=True)
    run = played(Ask(0, 0.0, tokens=2), Ask(1, 5.0, twin_of=0), shape=shape)
    assert run.receipts[1].outcome is Outcome.SUCCESS_CACHE_EXACT
    assert violations(run) == []
    run.clients[0].ask = structs.replace(run.clients[0].ask, tenant=1)
    assert "P17" in {one.partition(":")[0] for one in violations(run)}


def test_an_answer_that_says_nothing_kept_for_another_tenant_is_found_out() -> None:
    shape = structs.replace(KEYED, cache=True)
    asks = (Ask(0, 0.0, stream=False), Ask(1, 5.0, stream=False, twin_of=0))
    run = played(*asks, calls=(CallFault(0, 0, Mishap.SAYS_NOTHING),), shape=shape)
    assert run.receipts[1].outcome is Outcome.SUCCESS_CACHE_EXACT
    assert violations(run) == []
    run.clients[0].ask = structs.replace(run.clients[0].ask, tenant=1)
    assert "P17" in {one.partition(":")[0] for one in violations(run)}


def test_a_server_heard_out_for_long_behind_its_streams_end_is_found_out() -> None:
    run = played(Ask(0, 0.0, leaves_after_parts=3), calls=(CallFault(0, 0, Mishap.STALL, at=4),))
    left_s, ended_s = run.clients[0].left_s, run.calls[0].ended_s
    assert left_s is not None
    assert ended_s is not None
    assert ended_s - left_s > LET_GO_S
    assert violations(run) == []
    run.calls[0].ended_s = ended_s + 0.1
    assert "P9" in {one.partition(":")[0] for one in violations(run)}


@pytest.mark.parametrize("more_usd_nano", [-1, 1])
def test_another_charge_for_a_refused_answer_of_a_client_that_left_is_found_out(more_usd_nano: int) -> None:
    shape = Shape(servers=(1, 1), on=(*Shape().on, "empty"))
    calls = (CallFault(0, 0, Mishap.SAYS_NOTHING), CallFault(0, 1, Mishap.SILENT))
    run = played(Ask(0, 0.0, stream=False, leaves_after_s=1.0), calls=calls, shape=shape)
    charged_usd_nano = run.receipts[0].charge_usd_nano
    assert run.receipts[0].tier is None
    assert charged_usd_nano > 0
    assert list(money_violations(run)) == []
    spoil(run, charge_usd_nano=charged_usd_nano + more_usd_nano)
    assert list(money_violations(run))


def test_a_client_that_is_told_another_error_than_is_recorded_is_found_out() -> None:
    run = played(Ask(0, 0.0), calls=tuple(CallFault(0, n, Mishap.STATUS, status=400) for n in range(3)))
    assert violations(run) == []
    spoil(run, error=ErrorCode.INTERNAL_ERROR)
    assert "P1" in {one.partition(":")[0] for one in violations(run)}


def test_a_tool_loop_that_leaves_its_tier_is_found_out() -> None:
    run = played(Ask(0, 0.0, session=1), Ask(1, 5.0, session=1, in_tool_loop=True))
    assert violations(run) == []
    decision = run.receipts[1].decision
    assert decision is not None
    run.receipts[1] = replace(run.receipts[1], decision=replace(decision, ladder=decision.ladder[::-1]))
    assert "conversation" in {one.partition(":")[0] for one in violations(run)}
    # With another turn under way nobody can tell which one the loop goes on with.
    run.clients[0].over_s = run.clients[1].came_s
    assert violations(run) == []


CROWDED = Shape(servers=(1, 1), in_flight=4, fill_percent=50)


def waited() -> Run:
    """Two batch requests that find their room, one that waits for it in vain, and an interactive one."""
    asks = (*(Ask(number, 0.0, tokens=100, batch=True) for number in range(3)), Ask(3, 0.1))
    run = played(*asks, shape=CROWDED)
    assert violations(run) == []
    assert run.lane == {"admitted": 2, "expired": 1}
    return run


def of(run: Run, ending: BatchEnding) -> int:
    """Find the receipt of a batch request that ended so."""
    notes = [receipt.batch for receipt in run.receipts]
    return next(at for at, note in enumerate(notes) if note is not None and note.ending is ending)


def other_lane(run: Run) -> None:
    """Record a batch request as another."""
    at = of(run, BatchEnding.ADMITTED)
    run.receipts[at] = replace(run.receipts[at], priority=Priority.INTERACTIVE)


def no_ending(run: Run) -> None:
    """Record a batch request without its ending."""
    at = of(run, BatchEnding.ADMITTED)
    run.receipts[at] = replace(run.receipts[at], batch=None)


def called_out_of_turn(run: Run) -> None:
    """Call a server for one whose wait was in vain."""
    ask = number_of(run.receipts[of(run, BatchEnding.EXPIRED)].request_id)
    first = run.calls[0]
    run.calls.append(Call(first.host, structs.replace(first.question, ask=ask), first.began_s - 1.0))


def told_otherwise(run: Run) -> None:
    """Tell one whose wait was in vain of another reason."""
    at = of(run, BatchEnding.EXPIRED)
    error = ErrorCode.OVERLOADED
    run.receipts[at] = replace(run.receipts[at], error=error)


def waited_too_long(run: Run) -> None:
    """Let one wait for a second longer."""
    at = of(run, BatchEnding.EXPIRED)
    note = run.receipts[at].batch
    assert note is not None
    run.receipts[at] = replace(run.receipts[at], batch=replace(note, waited_ms=note.waited_ms + 1e3))


def sent_where_no_room_is(run: Run) -> None:
    """Let less room be for batch requests than there was."""
    run.case = structs.replace(run.case, shape=structs.replace(run.case.shape, fill_percent=1))
    run.calls[1].began_s += 0.1


def pushed_in(run: Run) -> None:
    """Note that one came before somebody who waited."""
    run.pushed_in.append("a batch request was called while 1 others waited")


@pytest.mark.parametrize(
    "spoil_it",
    [other_lane, no_ending, called_out_of_turn, told_otherwise, waited_too_long, sent_where_no_room_is, pushed_in],
    ids=lambda value: value.__name__,
)
def test_a_batch_request_that_comes_before_its_turn_is_found_out(spoil_it: Callable[[Run], None]) -> None:
    run = waited()
    spoil_it(run)
    assert "lane" in {one.partition(":")[0] for one in violations(run)}


SHARED = Redis(gateways=2, faults=(RedisFault(RedisTrouble.SPLIT, 0.0, 9.0),))


def shared(*asks: Ask) -> Run:
    """Requests of a tenant with a budget, to two gateways that share a Redis."""
    case = case_with(*(asks or (Ask(0, 0.0), Ask(1, 1.0))), shape=structs.replace(KEYED, cache=True, rpm=2))
    run = play(structs.replace(case, redis=SHARED))
    assert violations(run) == []
    assert run.redis is not None
    assert max(run.redis.granted.values()) == 2
    return run


def wait_long(run: Run) -> None:
    """Let a request wait for its ledger a hundredth of a millisecond and more too long."""
    run.waits.spans_s[0].append((5.0, 5.0 + WAIT_MAX_S))


def turn_away(run: Run) -> None:
    """Turn a request away for want of a ledger where nothing ails Redis."""
    run.case = structs.replace(run.case, redis=Redis(gateways=2))
    spoil(run, error=ErrorCode.LEDGER_UNAVAILABLE)


def turn_away_without_a_budget(run: Run) -> None:
    """Turn a request away for want of a ledger that has no budget to be checked."""
    run.case = structs.replace(run.case, shape=structs.replace(run.case.shape, budget_usd=0))
    spoil(run, error=ErrorCode.LEDGER_UNAVAILABLE)


def mishear(run: Run) -> None:
    """Take a refusal for a grant."""
    assert run.redis is not None
    run.redis.verdicts["req_0"] = b"budget"


def let_too_many_in(run: Run) -> None:
    """Grant more requests than a minute has."""
    assert run.redis is not None
    run.redis.granted["first", 0] += 3


def never_ask_again(run: Run) -> None:
    """Find no ledger long after the last fault."""
    run.case = structs.replace(run.case, mode=Mode.LIVENESS, quiet_from_s=0.0)
    run.ledger.unanswered.add(RequestId("req_0"))


def share_nothing_again(run: Run) -> None:
    """Find no receipt in Redis long after the last fault."""
    assert run.redis is not None
    run.case = structs.replace(run.case, mode=Mode.LIVENESS, quiet_from_s=0.0)
    run.redis.memory.keys.clear()


def post_again(run: Run) -> None:
    """Let the books have more than was charged."""
    run.budget_left_usd_nano["first"] -= 1


@pytest.mark.parametrize(
    ("spoil_it", "promise"),
    [
        (wait_long, "P12"),
        (turn_away, "P12"),
        (turn_away_without_a_budget, "P12"),
        (mishear, "P2"),
        (let_too_many_in, "P2"),
        (never_ask_again, "liveness"),
        (share_nothing_again, "liveness"),
        (post_again, "P1"),
    ],
    ids=lambda value: value.__name__ if callable(value) else value,
)
def test_what_is_wrong_with_redis_is_found_out(spoil_it: Callable[[Run], None], promise: str) -> None:
    run = shared()
    spoil_it(run)
    assert promise in {one.partition(":")[0] for one in violations(run)}


def test_what_was_lost_with_the_books_may_be_missing_there_and_no_more() -> None:
    run = shared()
    assert run.redis is not None
    run.redis.lost_usd_nano["first"] = 1
    run.budget_left_usd_nano["first"] += 1
    assert violations(run) == []
    run.budget_left_usd_nano["first"] += 1
    assert "P1" in {one.partition(":")[0] for one in violations(run)}


def test_an_answer_that_another_gateway_kept_is_a_hit() -> None:
    run = shared(Ask(0, 0.0, tokens=2), Ask(1, 5.0, twin_of=0))
    assert [receipt.outcome for receipt in run.receipts] == [Outcome.SUCCESS_UPSTREAM, Outcome.SUCCESS_CACHE_EXACT]


def spoil(run: Run, **changes: Any) -> None:
    """Change the first receipt."""
    run.receipts[0] = replace(run.receipts[0], **changes)
