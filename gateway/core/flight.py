"""Single flight: which requests wait for another's answer instead of asking for their own, and when they stop waiting.

A flight is the one request of several like ones that travels on; those that wait for it follow. Its answer may be
shared where a kept one might be, and nowhere else, so that a follower is never given what the cache would not give it.
"""

from typing import Final

from gateway.core.cache_rules import CacheControl
from gateway.domain.flight import Ending

FOLLOWERS_MAX: Final = 1_024
"""Behind one flight. What comes beyond leads another: of a larger crowd a few calls are made, and nobody is refused."""
FOLLOWING_MAX: Final = 4_096
"""Of one worker, behind all its flights together."""
FAILURES_MAX: Final = 2
"""Flights that a follower sees fail before it goes alone. Were each to wait for the one before, the last of a crowd
would learn that a server is down when its own time is up."""
LEAST_TIME_SHARE: Final = 0.5
"""A flight must have so much of a follower's own time left: whoever allows its request less would end theirs early."""


def may_share(control: CacheControl, *, coalesces: bool) -> bool:
    """Tell whether a request that may be served from the cache may also lead or follow: its answer must be storable.

    How old an answer it takes is no matter: one that is under way is new. Who takes none but a kept one leads nobody.
    """
    return coalesces and not (control.no_store or control.only_if_cached)


def may_follow(flight_left_s: float, own_left_s: float) -> bool:
    """Tell whether a flight has time enough for a request, by what is left of either's until it is given up."""
    return flight_left_s >= LEAST_TIME_SHARE * own_left_s


def goes_alone(ending: Ending, failures: int) -> bool:
    """Tell whether a follower asks for itself now, after so many flights that failed it, this one among them."""
    return ending is not Ending.FAILED or failures >= FAILURES_MAX
