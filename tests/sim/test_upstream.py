"""The simulated model servers do what they are said to do, seen from their clients and from their own calls."""

import pytest
from msgspec import structs

from gateway.domain.outcome import FailureKind, Outcome
from tests.sim.case import OF_WHOLE_ANSWERS, Ailment, Ask, CallFault, Case, Mishap, Mode, Server, ServerFault, Shape
from tests.sim.pace import Pace
from tests.sim.reading import read
from tests.sim.run import Run
from tests.sim.stage import play
from tests.sim.worlds import played

ALONE = Shape(servers=(1,), attempts=1)


def with_server(server: Server, *asks: Ask, faults: tuple[ServerFault, ...] = ()) -> Run:
    """One server alone."""
    return play(Case(0, Mode.SAFETY, ALONE, (server,), asks, ailments=faults))


def ended_s(run: Run, number: int = 0) -> float:
    """When a request was over, since the run began."""
    over_s = run.clients[number].over_s
    assert over_s is not None
    return over_s - run.zero_s


def test_a_prompt_is_read_then_tokens_come_one_after_the_other() -> None:
    run = with_server(Server("t0-0", base_s=0.5, per_token_s=0.01, gap_s=0.1), Ask(0, 0.0, tokens=3, prompt_words=8))
    times = [at_s - run.zero_s for at_s in run.clients[0].responder.part_times_s]
    assert times == pytest.approx([0.7, 0.8, 0.9, 0.9])


def test_a_whole_answer_comes_when_its_last_token_is_written() -> None:
    run = with_server(Server("t0-0", base_s=0.5, gap_s=0.1), Ask(0, 0.0, stream=False, tokens=3))
    assert ended_s(run) == pytest.approx(0.9)


def test_who_finds_no_slot_waits_in_line() -> None:
    asks = (Ask(0, 0.0, stream=False, tokens=1), Ask(1, 0.01, stream=False, tokens=1))
    run = with_server(Server("t0-0", base_s=0.4, gap_s=0.1, slots=1), *asks)
    assert ended_s(run, 0) == pytest.approx(0.6)
    assert ended_s(run, 1) == pytest.approx(1.2)


def test_a_caller_that_leaves_frees_its_slot_after_the_reaction() -> None:
    asks = (Ask(0, 0.0, stream=False, tokens=20, leaves_after_s=0.3), Ask(1, 0.01, stream=False, tokens=1))
    run = with_server(Server("t0-0", base_s=0.1, gap_s=0.1, slots=1, reaction_s=0.2), *asks)
    assert run.receipts[0].outcome is Outcome.CLIENT_GONE_BEFORE
    assert ended_s(run, 1) == pytest.approx(0.3 + 0.2 + 0.3)


def test_a_prompt_read_before_is_read_in_no_time() -> None:
    server = Server("t0-0", base_s=0.1, per_token_s=0.1, gap_s=0.0, prefix_cache=True)
    run = with_server(server, Ask(0, 0.0, prompt_words=8), Ask(1, 5.0, prompt_words=8, twin_of=0))
    assert ended_s(run, 0) == pytest.approx(1.1)
    assert ended_s(run, 1) == pytest.approx(5.1)


def test_a_slow_server_is_slower_and_a_frozen_one_stands_still() -> None:
    slow = ServerFault("t0-0", Ailment.SLOW, 1.0, 3.0, factor=10.0)
    frozen = ServerFault("t0-0", Ailment.FROZEN, 5.0, 6.0)
    pace = Pace((frozen, slow), 0.0)
    assert pace.done_at_s(0.0, 0.5) == pytest.approx(0.5)
    assert pace.done_at_s(0.5, 0.6) == pytest.approx(2.0)
    assert pace.done_at_s(0.5, 1.0) == pytest.approx(3.3)
    assert pace.done_at_s(4.5, 1.0) == pytest.approx(6.5)
    assert pace.done_at_s(7.0, 1.0) == pytest.approx(8.0)


def test_a_crash_resets_every_call_and_refuses_until_the_restart() -> None:
    crash = ServerFault("t0-0", Ailment.CRASH, 0.5, 2.0)
    asks = (Ask(0, 0.0, tokens=50), Ask(1, 1.0), Ask(2, 5.0))
    run = with_server(Server("t0-0"), *asks, faults=(crash,))
    assert [one.outcome for one in run.receipts] == [
        Outcome.STREAM_TRUNCATED,
        Outcome.UPSTREAM_FAILED,
        Outcome.SUCCESS_UPSTREAM,
    ]
    assert ended_s(run, 0) == pytest.approx(0.5)
    assert run.receipts[1].attempts[0].failure is FailureKind.CONNECT


def test_a_request_that_kills_its_server_takes_the_others_with_it() -> None:
    asks = (Ask(0, 0.0, tokens=50), Ask(1, 0.2))
    run = played(*asks, calls=(CallFault(1, 0, Mishap.KILLS),), shape=ALONE)
    assert [one.outcome for one in run.receipts] == [Outcome.STREAM_TRUNCATED, Outcome.UPSTREAM_FAILED]


@pytest.mark.parametrize("spelling", ["plain", "crlf", "tight", "chatty"])
@pytest.mark.parametrize("read_bytes", [0, 97])
def test_however_events_are_spelt_and_arrive_the_client_reads_every_token(spelling: str, read_bytes: int) -> None:
    run = with_server(Server("t0-0", spelling=spelling, read_bytes=read_bytes), Ask(0, 0.0, tokens=5))
    assert read(run.clients[0]).tokens == tuple((0, 0, number) for number in range(5))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("usage", ["asked", "never", "zero_first", "every"])
def test_a_server_tells_usage_as_it_does(usage: str, stream: bool) -> None:
    run = with_server(Server("t0-0", usage=usage), Ask(0, 0.0, tokens=5, stream=stream))
    told = run.calls[0].usage_taken()
    assert (told is None) == (usage == "never")
    assert told is None or told.output_tokens == 5


@pytest.mark.parametrize("kind", list(Mishap))
@pytest.mark.parametrize("stream", [True, False])
def test_every_mishap_is_met_and_told_once(kind: Mishap, stream: bool) -> None:
    run = played(Ask(0, 0.0, stream=stream, tokens=4), calls=(CallFault(0, 0, kind, at=2, status=500),))
    passes_by = stream and kind in OF_WHOLE_ANSWERS
    assert [name.partition(" × ")[0] for name in run.met if not name.startswith("crash")] == [kind][passes_by:]
    assert run.trouble == []
    assert run.left_over == []


def test_servers_do_not_hear_of_what_the_gateway_keeps() -> None:
    shape = structs.replace(ALONE, cache=True)
    run = played(Ask(0, 0.0), Ask(1, 5.0, twin_of=0), shape=shape)
    assert len(run.calls) == 1
    assert run.receipts[1].outcome is Outcome.SUCCESS_CACHE_EXACT
