"""What must hold of every run, judged from what clients received, servers wrote, and the gateway recorded.

Each violation begins with the promise that is broken. Nothing here asks the code under test what is right: what a
request cost is computed from the tokens that its server wrote and the gateway took.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from gateway.domain.receipt import Receipt
from tests.sim.answer_checks import ANSWER_CHECKS
from tests.sim.books import money_violations
from tests.sim.call import Call
from tests.sim.lane_checks import LANE_CHECKS
from tests.sim.life_checks import LIFE_CHECKS
from tests.sim.policies import tier_of
from tests.sim.redis_checks import REDIS_CHECKS, redis_violations
from tests.sim.run import Run, number_of
from tests.sim.told import Told

_RETRIES_A_SECOND: Final = 5
_RETRY_SHARE: Final = 0.1
_OF_A_REQUEST: Final = (*ANSWER_CHECKS, *LIFE_CHECKS, *LANE_CHECKS, *REDIS_CHECKS)


def violations(run: Run) -> list[str]:
    """Return what does not hold, in order; a run that did not end well is not looked into."""
    found = [f"I9: {one}" for one in run.trouble]
    found += [f"census: left over: {one}" for one in run.left_over]
    found += [f"fault of ours: {fault!r}" for _, fault in run.reported]
    found = found or list(receipts_are_single(run))
    if found:
        return found
    for receipt in run.receipts:
        number = number_of(receipt.request_id)
        told = Told(run, run.clients[number], receipt)
        found += [f"{what} (request {number})" for check in _OF_A_REQUEST for what in check(told)]
    found += [f"lane: {one}" for one in run.pushed_in]
    return [*found, *retries_are_bounded(run), *money_violations(run), *redis_violations(run)]


def receipts_are_single(run: Run) -> Iterator[str]:
    """Every request leaves exactly one receipt."""
    receipts: dict[int, list[Receipt]] = {}
    for receipt in run.receipts:
        receipts.setdefault(number_of(receipt.request_id), []).append(receipt)
    # A task that is ended before its first step has done nothing, and so leaves nothing.
    for number in run.in_force:
        mine = receipts.get(number, [])
        if len(mine) != 1:
            yield f"P1: request {number} has {len(mine)} receipts"


def retries_are_bounded(run: Run) -> Iterator[str]:
    """However much fails, calls beyond each request's first are few: some a second, and a share of the requests.

    Each gateway counts its own.
    """
    for gateway in range(run.case.gateways):
        calls = [call for call in run.calls if run.case.gateway_of(call.question.ask) == gateway]
        yield from _retries_of_a_gateway(calls)


def _retries_of_a_gateway(calls: Sequence[Call]) -> Iterator[str]:
    firsts: dict[int, Call] = {}
    further: dict[str, list[float]] = {}
    for call in calls:
        first = firsts.setdefault(call.question.ask, call)
        if first is not call:
            further.setdefault(tier_of(first.host), []).append(call.began_s)
    most = _RETRIES_A_SECOND + _RETRY_SHARE * len(firsts)
    for tier, times_s in further.items():
        for at_s in times_s:
            count = sum(at_s - 1.0 < other_s <= at_s for other_s in times_s)
            if count > most:
                yield f"P6: {count} further calls within a second for requests that began on {tier}"
