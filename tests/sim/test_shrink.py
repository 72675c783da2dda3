"""A failing case becomes small and still fails; a campaign goes on where it stopped."""

from pathlib import Path

from msgspec import structs

from tests.sim.campaign import campaign
from tests.sim.case import Case, Mishap, Server, Shape
from tests.sim.generator import case_of_seed
from tests.sim.policies import snapshot
from tests.sim.redis_case import RedisTrouble
from tests.sim.report import tables
from tests.sim.shrink import shrink, smaller_cases, without
from tests.sim.verdict import Tally, Violation


def test_what_does_not_matter_is_left_out() -> None:
    case = next(case for case in map(case_of_seed, range(1_000)) if _has_two_stalls(case))
    smaller = shrink(case, "P0", _has_two_stalls)
    assert _has_two_stalls(smaller)
    assert len(smaller.calls) == 2
    assert len(smaller.asks) <= 2
    assert (smaller.ailments, smaller.redis, smaller.reloads, smaller.shuffled) == ((), None, (), False)
    assert {server.base_s for server in smaller.servers} == {0.1}
    assert len(smaller.line()) < len(case.line()) / 2


def test_of_redis_as_little_is_left_as_matters() -> None:
    def has_a_loss(case: Case) -> bool:
        return case.redis is not None and any(fault.kind is RedisTrouble.LOSS for fault in case.redis.faults)

    drawn = (case_of_seed(seed, shared=True) for seed in range(1_000))
    case = next(case for case in drawn if has_a_loss(case) and case.gateways == 2)
    smaller = shrink(case, "P0", has_a_loss)
    assert smaller.redis is not None
    assert [fault.kind for fault in smaller.redis.faults] == [RedisTrouble.LOSS]
    assert smaller.gateways == 1


def test_a_policy_that_does_not_compile_is_no_smaller_case() -> None:
    # A limit to connect is within that to the first content, and the plain one is longer than this.
    case = structs.replace(case_of_seed(0), shape=Shape(servers=(1,), ttft_s=0.3, connect_s=0.1, cache=True))
    case = structs.replace(case, servers=(Server("t0-0"),))
    shapes = [smaller.shape for smaller in smaller_cases(case) if smaller.shape != case.shape]
    assert shapes
    assert all(snapshot(shape, 0) for shape in shapes)
    assert {shape.connect_s for shape in shapes} == {0.1}


def test_a_twin_whose_original_is_left_out_stands_for_itself() -> None:
    case = next(case for case in map(case_of_seed, range(1_000)) if case.asks[-1].twin_of == 0)
    assert without(case, {0}).asks[-1].twin_of == -1


def test_a_campaign_goes_on_where_it_stopped_and_comes_to_the_same(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    campaign(0, 50, 1, kept)
    resumed = campaign(0, 60, 1, kept)
    whole = campaign(0, 60, 1, None)
    assert resumed == whole
    assert resumed.tally.runs == 60
    assert campaign(0, 1, 1, kept, shared=True).tally.runs == 1, "one with a Redis in every case begins anew"
    assert campaign(7, 1, 1, kept).tally.runs == 1, "another range begins anew"


def test_a_report_tells_what_was_broken_and_what_was_reached() -> None:
    done = campaign(0, 1, 1, None)
    done.tally.add(Tally(runs=1, violations=[Violation(5, "P1: charged 3, and it cost 2")]))
    runs, met, outcomes, lane, pairs = tables(done)
    assert runs.row_count == 1
    assert met.row_count == len(done.tally.met)
    assert outcomes.row_count == len(done.tally.outcomes)
    assert lane.row_count == len(done.tally.lane)
    assert pairs.row_count > 10
    assert done.tally.violations[0].promise == "P1"


def _has_two_stalls(case: Case) -> bool:
    return len([fault for fault in case.calls if fault.kind is Mishap.STALL]) == 2
