"""What a caller allows a request to take: time and money, from its headers. Read totally: a value, or a clear 400."""

import re
from decimal import Decimal
from typing import Final

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ledger import EXACT_MAX
from gateway.domain.money import USD_NANO_PER_USD
from gateway.domain.noun import noun
from gateway.wire.headers import DEADLINE_HEADER, MAX_COST_HEADER, TIMEOUT_HEADER, Headers

TIMEOUT_S_MIN: Final = 1.0

_SECONDS = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(rb"[0-9]+")
_USD = re.compile(rb"[0-9]+(?:\.[0-9]+)?")
_BYTES_MAX = 64
_MS_PER_S = 1e3
_LIMITS = frozenset({TIMEOUT_HEADER, DEADLINE_HEADER, MAX_COST_HEADER})


@noun
class CallerLimits:
    """None where the caller does not say. `deadline_s` counts from the request's arrival."""

    deadline_s: float | None = None
    cost_usd_nano: int | None = None


NO_LIMITS: Final = CallerLimits()


def caller_limits(headers: Headers, longest_s: float) -> CallerLimits:
    """Read what the caller allows; of two deadlines the earlier one counts, and neither goes beyond `longest_s`.

    Raises GatewayError `invalid_value` for what is no such quantity.
    """
    # One pass, since most requests have none of them.
    given = {name: value.strip() for name, value in reversed(headers) if name in _LIMITS}
    if not given:
        return NO_LIMITS
    deadlines_s = [
        read(given[name], longest_s)
        for name, read in ((TIMEOUT_HEADER, _timeout_s), (DEADLINE_HEADER, _deadline_s))
        if name in given
    ]
    cost = given.get(MAX_COST_HEADER)
    return CallerLimits(min(deadlines_s, default=None), None if cost is None else _cost_usd_nano(cost))


def _timeout_s(value: bytes, longest_s: float) -> float:
    if len(value) > _BYTES_MAX or not _SECONDS.fullmatch(value):
        raise _refusal(TIMEOUT_HEADER, "a number of seconds, such as 30 or 2.5")
    return max(min(float(value), longest_s), min(TIMEOUT_S_MIN, longest_s))


def _deadline_s(value: bytes, longest_s: float) -> float:
    if len(value) > _BYTES_MAX or not _WHOLE.fullmatch(value) or int(value) == 0:
        raise _refusal(DEADLINE_HEADER, "a whole number of milliseconds above 0, such as 2500")
    return min(int(value) / _MS_PER_S, longest_s)


def _cost_usd_nano(value: bytes) -> int:
    """Round down to what can be counted: a ceiling is never raised."""
    if len(value) > _BYTES_MAX or not _USD.fullmatch(value):
        raise _refusal(MAX_COST_HEADER, "an amount in USD, such as 0.002")
    return min(int(Decimal(value.decode()) * USD_NANO_PER_USD), EXACT_MAX)


def _refusal(name: bytes, expected: str) -> GatewayError:
    told = name.decode()
    return GatewayError(ErrorCode.INVALID_VALUE, f"The header {told} must be {expected}.", param=told)
