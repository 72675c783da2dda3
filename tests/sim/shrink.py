"""Makes a failing case small: fewer requests, fewer faults, plainer servers and clients, as long as it still fails."""

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from msgspec import structs

from tests.sim.case import Ask, Case, Server, Shape
from tests.sim.policies import policy_text
from tests.sim.redis_case import Redis
from tests.sim.verdict import judge
from tests.unit.policy.worlds import compile_text

T = TypeVar("T", Ask, Redis, Server, Shape)
PLAYS_MAX: Final = 3_000


def shrink(case: Case, promise: str, still_fails: Callable[[Case], bool] | None = None) -> Case:
    """Return the smallest case found that breaks the same promise."""
    fails = still_fails or (lambda smaller: any(one.promise == promise for one in judge(smaller).violations))
    plays = 0
    is_smaller = True
    while is_smaller and plays < PLAYS_MAX:
        is_smaller = False
        for smaller in smaller_cases(case):
            plays += 1
            if fails(smaller):
                case, is_smaller = smaller, True
                break
            if plays >= PLAYS_MAX:
                break
    return case


def smaller_cases(case: Case) -> Iterator[Case]:
    """Yield cases that are a little smaller, the boldest steps first."""
    half = len(case.asks) // 2
    if half > 1:
        yield without(case, {ask.number for ask in case.asks[:half]})
        yield without(case, {ask.number for ask in case.asks[half:]})
    for ask in case.asks if len(case.asks) > 1 else ():
        yield without(case, {ask.number})
    for name in ("calls", "ailments", "reloads", "standstills"):
        have = getattr(case, name)
        if len(have) > 1:
            yield structs.replace(case, **{name: ()})
        for at in range(len(have)):
            yield structs.replace(case, **{name: (*have[:at], *have[at + 1 :])})
    yield from _with_less_of_redis(case)
    if case.drain_at_s >= 0:
        yield structs.replace(case, drain_at_s=-1.0)
    if case.shuffled:
        yield structs.replace(case, shuffled=False)
    yield from _plainer(case)


def without(case: Case, numbers: set[int]) -> Case:
    """Leave requests out, with what befell them; whose twin is gone stands for itself."""
    asks = tuple(
        structs.replace(ask, twin_of=-1) if ask.twin_of in numbers else ask
        for ask in case.asks
        if ask.number not in numbers
    )
    calls = tuple(fault for fault in case.calls if fault.ask not in numbers)
    return structs.replace(case, asks=asks, calls=calls)


def _with_less_of_redis(case: Case) -> Iterator[Case]:
    redis = case.redis
    if redis is None:
        return
    yield structs.replace(case, redis=None)
    plain = Redis(faults=redis.faults)
    for smaller in _towards(redis, plain):
        yield structs.replace(case, redis=smaller)
    if len(redis.faults) > 1:
        yield structs.replace(case, redis=structs.replace(redis, faults=()))
    for at in range(len(redis.faults)):
        fewer = (*redis.faults[:at], *redis.faults[at + 1 :])
        yield structs.replace(case, redis=structs.replace(redis, faults=fewer))


def _plainer(case: Case) -> Iterator[Case]:
    for at, ask in enumerate(case.asks):
        plain = Ask(ask.number, ask.at_s)
        for changed in _towards(ask, plain):
            yield structs.replace(case, asks=(*case.asks[:at], changed, *case.asks[at + 1 :]))
    for at, server in enumerate(case.servers):
        for plainer in _towards(server, Server(server.host)):
            yield structs.replace(case, servers=(*case.servers[:at], plainer, *case.servers[at + 1 :]))
    kept = Shape(servers=case.shape.servers)
    for shape in _towards(case.shape, kept):
        # Fields that need each other go together or not at all: hedges, say, a second attempt.
        if not isinstance(compile_text(policy_text(shape, 0)), list):
            yield structs.replace(case, shape=shape)


def _towards(value: T, plain: T) -> Iterator[T]:
    """Yield the value with one field after the other as in the plain one."""
    for name in value.__struct_fields__:
        wanted = getattr(plain, name)
        if getattr(value, name) != wanted:
            yield structs.replace(value, **{name: wanted})
