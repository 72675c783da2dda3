"""Admission under more load than a worker can bear, on virtual time: what gets done, who is hurt, and for how long."""

from itertools import pairwise

from gateway.domain.limits import EdgeLimits
from tests.support.busy_worker import BusyWorker, p99

CAPACITY_PER_S = 1_000.0
"""A request costs a millisecond of the worker's only thread."""
LIMITS = EdgeLimits(in_flight_per_key=100_000)
WARM_S = 8.0


def goodput_per_s(worker: BusyWorker, tenant: str, from_s: float, until_s: float) -> float:
    """Count what was served in that time."""
    served = [at_s for at_s in worker.told[tenant].served_at_s if from_s <= at_s < until_s]
    return len(served) / (until_s - from_s)


def a_run(*streams: tuple[str, float, float, float], until_s: float, seed: int = 1) -> BusyWorker:
    worker = BusyWorker(LIMITS, seed)
    for tenant, times, from_s, to_s in streams:
        worker.stream(tenant, times * CAPACITY_PER_S, from_s, to_s)
    worker.run(until_s)
    assert worker.admission.in_flight == worker.admission.waiting == 0
    return worker


def test_at_three_times_what_it_can_do_a_worker_does_nine_tenths_of_its_best() -> None:
    best = a_run(("all", 1.0, 0.0, 20.0), until_s=25.0)
    flooded = a_run(("all", 3.0, 0.0, 20.0), until_s=25.0)
    peak = goodput_per_s(best, "all", WARM_S, 20.0)
    assert goodput_per_s(flooded, "all", WARM_S, 20.0) >= 0.9 * peak
    told = flooded.told["all"]
    assert told.came == len(told.served_at_s) + told.shed, "each is served or told"


def test_who_is_turned_away_learns_of_it_at_once_also_under_a_flood() -> None:
    told = a_run(("all", 3.0, 0.0, 20.0), until_s=25.0).told["all"]
    # The first second is the time in which the lag is learnt.
    assert p99(told.refused_within_s[len(told.refused_within_s) // 10 :]) <= 0.03


def test_after_a_flood_of_ten_times_all_is_calm_within_ten_seconds() -> None:
    calm = a_run(("all", 0.5, 0.0, 20.0), until_s=25.0)
    after = a_run(("flood", 10.0, 0.0, 10.0), ("all", 0.5, 20.0, 40.0), until_s=45.0)
    assert after.told["all"].shed == 0
    assert p99(after.told["all"].waited_s) <= 1.01 * p99(calm.told["all"].waited_s)


def test_a_tenant_at_ten_times_its_share_adds_less_than_a_tenth_to_the_time_of_another() -> None:
    began_s, until_s = 6.0, 20.0
    alone = a_run(("quiet", 0.3, began_s, until_s), until_s=25.0)
    beside = a_run(("greedy", 5.0, 0.0, until_s), ("quiet", 0.3, began_s, until_s), until_s=25.0)
    quiet = beside.told["quiet"]
    assert quiet.shed == 0
    settled = int(0.3 * CAPACITY_PER_S * 3.0)
    assert p99(quiet.waited_s[settled:]) <= 1.1 * p99(alone.told["quiet"].waited_s[settled:])
    assert goodput_per_s(beside, "greedy", began_s, until_s) >= 0.4 * CAPACITY_PER_S, "what is left is lent"


def test_the_same_seed_tells_the_same_story() -> None:
    first, again = (a_run(("all", 3.0, 0.0, 3.0), until_s=6.0) for _ in range(2))
    assert first.told == again.told
    assert all(one[0] < other[0] for one, other in pairwise(first.lags_s))
