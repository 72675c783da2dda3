"""Two hundred seeds on every change: nothing is violated, and the states that matter are reached."""

from pathlib import Path

import pytest

from gateway.domain.batch import BatchEnding
from tests.sim.campaign import judge_range
from tests.sim.case import Ailment, Mishap, Mode, case_of
from tests.sim.generator import case_of_seed
from tests.sim.lane import STEPPED_BACK
from tests.sim.redis_case import RedisTrouble
from tests.sim.stage import play
from tests.sim.verdict import Tally, judge, pairs_of_the_table

SEEDS = 200
REPEATED = range(0, SEEDS, 5)
REGRESSIONS = Path(__file__).parent / "regressions.jsonl"
SELDOM = {
    *("waiting × ClientGone", "waiting × TimerFired(deadline)"),
    *("waiting × TimerFired(heartbeat)", "waiting × TimerFired(hedge)"),
    *("lingering × ClientGone", "lingering × TimerFired(deadline)"),
}
"""Pairs that a campaign reaches, and so few seeds may not."""


@pytest.fixture(scope="module")
def tally() -> Tally:
    """What the seeds of the gate come to."""
    return judge_range((0, SEEDS))


def test_no_promise_is_broken_whatever_befalls_servers_clients_and_redis(tally: Tally) -> None:
    told = [f"python -m tests.sim --seed {one.seed} --trace   # {one.what}" for one in tally.violations]
    assert not told, "\n" + "\n".join(told)


def test_every_pair_of_the_exchange_machine_occurs(tally: Tally) -> None:
    assert set(pairs_of_the_table()) - SELDOM <= tally.pairs.keys()


def test_every_kind_of_fault_is_met(tally: Tally) -> None:
    kinds = {*map(str, Mishap), *map(str, Ailment), *map(str, RedisTrouble)}
    assert kinds <= {name.partition(" × ")[0] for name in tally.met}


def test_whatever_becomes_of_batch_requests_does(tally: Tally) -> None:
    # Who leaves while it waits is one in fifty of them.
    assert {*map(str, BatchEnding), STEPPED_BACK} - {str(BatchEnding.GONE)} <= tally.lane.keys()


def test_the_same_seed_has_the_same_history() -> None:
    for seed in REPEATED:
        case = case_of_seed(seed)
        assert play(case).history.digest() == play(case).history.digest(), f"seed {seed}"


def test_seeds_differ() -> None:
    assert len({play(case_of_seed(seed)).history.digest() for seed in range(10)}) == 10


def test_both_modes_are_drawn() -> None:
    assert {case_of_seed(seed).mode for seed in range(20)} == set(Mode)


def test_a_third_of_the_cases_have_a_redis_and_some_of_these_two_gateways() -> None:
    cases = [case_of_seed(seed) for seed in range(SEEDS)]
    shared = [case for case in cases if case.redis is not None]
    assert SEEDS / 4 <= len(shared) <= SEEDS / 2
    assert {case.gateways for case in shared} == {1, 2}


def test_what_failed_once_holds() -> None:
    for line in REGRESSIONS.read_text(encoding="utf-8").splitlines():
        assert judge(case_of(line)).violations == [], line
