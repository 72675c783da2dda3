"""Which requests are sent nowhere, because servers died of them."""

import pytest

from gateway.core.endpoint_state import EndpointState
from gateway.core.quarantine import KEPT_S, SUSPECTS_MAX, Quarantine, Verdict
from tests.support.tiers import a_tier

STATES = a_tier("small", endpoints=3).endpoints
QUERY = b"of death"
Fleet = tuple[EndpointState, EndpointState, EndpointState]


@pytest.fixture
def fleet() -> Fleet:
    a, b, c = (EndpointState(endpoint) for endpoint in STATES)
    return a, b, c


def test_at_first_nothing_is_suspected() -> None:
    quarantine = Quarantine()
    assert quarantine.is_empty
    assert quarantine.verdict(QUERY, 0.0) is Verdict.FREE
    assert quarantine.unclear(QUERY, 0.0) == []


def test_a_request_that_two_servers_died_of_is_guilty(fleet: Fleet) -> None:
    quarantine = Quarantine()
    quarantine.lost(QUERY, fleet[0], 1.0)
    quarantine.refused(fleet[0])
    assert quarantine.verdict(QUERY, 1.0) is Verdict.FREE
    quarantine.lost(QUERY, fleet[1], 2.0)
    assert quarantine.unclear(QUERY, 2.0) == [fleet[1]], "that one is to be looked at"
    quarantine.refused(fleet[1])
    assert quarantine.verdict(QUERY, 2.0) is Verdict.GUILTY
    assert quarantine.count(2.0) == 1
    assert quarantine.verdict(b"another", 2.0) is Verdict.FREE


def test_losses_on_three_servers_of_which_nothing_is_heard_only_hold_it_up(fleet: Fleet) -> None:
    quarantine = Quarantine()
    for step, state in enumerate(fleet):
        assert quarantine.verdict(QUERY, step) is Verdict.FREE
        quarantine.lost(QUERY, state, step)
    assert quarantine.verdict(QUERY, 3.0) is Verdict.HELD
    assert (quarantine.unclear(QUERY, 3.0), quarantine.count(3.0)) == (list(fleet), 0)


def test_one_loss_needs_no_look(fleet: Fleet) -> None:
    quarantine = Quarantine()
    quarantine.lost(QUERY, fleet[0], 1.0)
    quarantine.lost(QUERY, fleet[0], 2.0)
    assert quarantine.unclear(QUERY, 2.0) == []


def test_servers_that_live_clear_a_request(fleet: Fleet) -> None:
    quarantine = Quarantine()
    for step, state in enumerate(fleet):
        quarantine.lost(QUERY, state, step)
    fleet[2].answered_began_s = 1.9
    assert quarantine.verdict(QUERY, 3.0) is Verdict.HELD, "that call had begun before"
    fleet[2].answered_began_s = 2.1
    assert quarantine.verdict(QUERY, 3.0) is Verdict.FREE


def test_a_server_that_refused_connections_has_died_even_if_it_was_started_again(fleet: Fleet) -> None:
    quarantine = Quarantine()
    quarantine.lost(QUERY, fleet[0], 1.0)
    quarantine.refused(fleet[0])
    fleet[0].answered_began_s = 20.0
    quarantine.lost(QUERY, fleet[1], 30.0)
    quarantine.refused(fleet[1])
    assert quarantine.verdict(QUERY, 30.0) is Verdict.GUILTY


def test_a_refusal_after_the_server_has_lived_tells_nothing_of_an_earlier_loss(fleet: Fleet) -> None:
    quarantine = Quarantine()
    for state in fleet[:2]:
        quarantine.lost(QUERY, state, 1.0)
        state.answered_began_s = 2.0
        quarantine.refused(state)
    assert quarantine.verdict(QUERY, 3.0) is Verdict.FREE


def test_four_losses_are_enough_however_lively_the_servers(fleet: Fleet) -> None:
    quarantine = Quarantine()
    for step in range(4):
        quarantine.lost(QUERY, fleet[0], float(step))
    fleet[0].answered_began_s = 100.0
    assert quarantine.verdict(QUERY, 100.0) is Verdict.GUILTY


def test_an_answer_clears_a_request(fleet: Fleet) -> None:
    quarantine = Quarantine()
    quarantine.lost(QUERY, fleet[0], 1.0)
    quarantine.answered(QUERY)
    quarantine.answered(b"never suspected")
    assert quarantine.is_empty


def test_losses_are_forgotten_after_their_time(fleet: Fleet) -> None:
    quarantine = Quarantine()
    for state in fleet[:2]:
        quarantine.lost(QUERY, state, 0.0)
        quarantine.refused(state)
    assert quarantine.verdict(QUERY, KEPT_S - 1) is Verdict.GUILTY
    assert quarantine.verdict(QUERY, KEPT_S) is Verdict.FREE
    assert quarantine.is_empty


def test_the_table_is_bounded_and_the_oldest_leave_it(fleet: Fleet) -> None:
    quarantine = Quarantine()
    for state in fleet[:2]:
        for number in range(SUSPECTS_MAX):
            quarantine.lost(b"%d" % number, state, 1.0)
        quarantine.refused(state)
    assert quarantine.count(2.0) == SUSPECTS_MAX
    quarantine.lost(QUERY, fleet[0], 2.0)
    assert quarantine.count(2.0) == SUSPECTS_MAX - 1
    assert quarantine.verdict(b"0", 2.0) is Verdict.FREE
