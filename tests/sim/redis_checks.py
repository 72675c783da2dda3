"""What must hold of every run whose gateways share a Redis: nobody waits long for it, and its word counts."""

from collections.abc import Callable, Iterator
from typing import Final

from gateway.adapters.redis_keys import tenant_prefix
from gateway.domain.errors import ErrorCode
from tests.sim.case import Mode
from tests.sim.run import Run
from tests.sim.told import Told

WAIT_MAX_S: Final = 0.025
"""How long a request waits for a Redis that is slow or dead, in all."""
_ROUNDING_S: Final = 1e-5
"""Timers are of whole microseconds, and a request waits a few times."""


def nobody_waits_long_for_redis(told: Told) -> Iterator[str]:
    """A dead or slow Redis delays no request by more than its limit, but where the process itself stood still."""
    over_s = told.client.over_s
    # What is compared behind the client's back delays nobody.
    spans = [span for span in told.run.waits.of(told.ask.number) if not over_s or span[0] < over_s]
    stood = told.run.stood_s
    own = [(from_s, to_s) for from_s, to_s in spans if not any(a <= to_s and b >= from_s for a, b in stood)]
    waited_s = sum([to_s - from_s for from_s, to_s in own])
    if waited_s > WAIT_MAX_S + _ROUNDING_S:
        yield f"P12: waited {waited_s * 1e3:.3f} ms for Redis"


def redis_fails_nobody(told: Told) -> Iterator[str]:
    """Without Redis only those are turned away whose budget cannot be checked, and only then."""
    if told.receipt.error is not ErrorCode.LEDGER_UNAVAILABLE:
        return
    shape, redis = told.run.case.shape, told.run.case.redis
    if not shape.keyed or not shape.budget_usd:
        yield "P12: turned away for want of a ledger, and has no budget"
    over_s = told.client.over_s
    began = [] if redis is None else [one for one in redis.faults if over_s and told.run.zero_s + one.from_s <= over_s]
    if not began:
        yield "P12: turned away for want of a ledger, and nothing ailed Redis"


def redis_is_used_again(told: Told) -> Iterator[str]:
    """Long after the last fault the ledger answers, and what workers share is shared."""
    case, redis, name = told.run.case, told.run.redis, told.receipt.request_id
    if redis is None or case.mode is not Mode.LIVENESS or told.ask.at_s < case.quiet_from_s:
        return
    if name in told.run.ledger.unanswered:
        yield "liveness: the ledger was not to be had long after the last fault"
    tenant = told.receipt.tenant
    if tenant is not None and not redis.memory.keys.exists(f"{tenant_prefix(tenant)}rc:{name}".encode()):
        yield "liveness: its receipt was not put where others find it, long after the last fault"


def redis_violations(run: Run) -> Iterator[str]:
    """Yield where a gateway was told what Redis did not say, and where more was let in than is allowed. Promise P2."""
    if run.redis is None:
        return
    for name, verdict in run.ledger.verdicts.items():
        said = run.redis.verdicts.get(name)
        told = "" if verdict.refusal is None else verdict.refusal.value
        if said is not None and said.decode() != told:
            yield f"P2: {name} was told {told or 'granted'}, and Redis said {said.decode() or 'granted'}"
    for (tenant, minute), count in run.redis.granted.items():
        if tenant == "first" and count > run.case.shape.rpm:
            yield f"P2: {tenant} had {count} requests of {run.case.shape.rpm} granted in minute {minute}"


REDIS_CHECKS: Final[tuple[Callable[[Told], Iterator[str]], ...]] = (
    nobody_waits_long_for_redis,
    redis_fails_nobody,
    redis_is_used_again,
)
