"""The vocabulary of the exchange machine: its plan, what is reported to it, and what it asks for."""

from collections.abc import Callable
from enum import Enum

from gateway.core.hedging import Hedge
from gateway.domain.errors import ErrorCode
from gateway.domain.ids import TierName
from gateway.domain.noun import noun
from gateway.domain.outcome import FailureKind, NoRetry, Outcome


@noun
class Rung:
    """One tier to try, `rank` 0 being the cheapest. `endpoints` is how many of its servers may be tried.

    The limits are for the first content, and for silence after it; an answer that comes whole has no after.
    `context_tokens` is the tier's window.
    """

    tier: TierName
    endpoints: int
    first_content_limit_s: float
    stall_limit_s: float | None
    context_tokens: int = 0
    rank: int = 0


def _nothing_is_known(rung: int) -> float:
    return 0.0


@noun
class Plan:
    """The ladder, cheapest hope first, and what may be spent on climbing it. `deadline_at_s` is monotonic.

    `replayable` says that a server which has worked on the request in vain has done no harm. `jitter` is uniform in
    [0, 1): drawn once, it spreads the waits of this request. `heartbeat_s` is the silence after which the client is
    told that we are still there; None for an answer that is not streamed. `expects_s` tells how soon a rung has content
    as far as is known, else 0, and `shut_s` for how long nobody may climb to it, 0 if one may; both are asked only when
    an attempt has failed.
    """

    rungs: tuple[Rung, ...]
    max_attempts: int
    retry_on: frozenset[FailureKind]
    deadline_at_s: float
    replayable: bool = True
    jitter: float = 0.0
    hedge: Hedge | None = None
    heartbeat_s: float | None = None
    expects_s: Callable[[int], float] = _nothing_is_known
    shut_s: Callable[[int], float] = _nothing_is_known

    def __post_init__(self) -> None:
        if not self.rungs or self.max_attempts < 1 or min(rung.endpoints for rung in self.rungs) < 1:
            raise ValueError(f"a plan needs a rung, an attempt, and an endpoint on every rung: {self}")


class Timer(Enum):
    """The clocks that a request may have running; at most one of each."""

    FIRST_CONTENT = "first_content"
    STALL = "stall"
    DEADLINE = "deadline"
    RETRY = "retry"
    HEDGE = "hedge"
    HEARTBEAT = "heartbeat"
    LINGER = "linger"


@noun
class Begin:
    """Start climbing."""


@noun
class FirstContent:
    """An attempt has content in hand: for a stream its first token, otherwise the whole checked answer."""

    attempt: int


@noun
class LastContent:
    """The committed answer is complete but for what a server says of it afterwards: its usage, and the stream's end."""

    attempt: int


@noun
class Ended:
    """The committed answer is complete."""

    attempt: int


@noun
class AttemptFailed:
    """An attempt came to nothing, or its answer broke off. `retry_after_s` is what a busy server asked for.

    Where the kind is of `OF_THE_ANSWER`, the attempt has a whole answer in hand.
    """

    attempt: int
    kind: FailureKind
    retry_after_s: float | None = None


@noun
class TimerFired:
    """A clock that was set has run out."""

    timer: Timer


@noun
class ClientGone:
    """Nobody is listening any more."""


Event = Begin | FirstContent | LastContent | Ended | AttemptFailed | TimerFired | ClientGone


@noun
class OpenAttempt:
    """Call a server of that rung which this request has not tried yet; or that of the attempt `again` once more."""

    attempt: int
    rung: int
    again: int | None = None


@noun
class CancelAttempt:
    """Close that call at once: the server must notice. `failure` is why, None when nothing was wrong with it."""

    attempt: int
    failure: FailureKind | None


@noun
class SetTimer:
    """Fire `timer` after that time.

    STALL is renewed by every byte that comes and HEARTBEAT by every one that goes: they fire `after_s` after the last.
    """

    timer: Timer
    after_s: float


@noun
class ClearTimer:
    """Forget that timer, if it is set."""

    timer: Timer


@noun
class Commit:
    """Answer the client from this attempt, and from no other ever."""

    attempt: int


@noun
class Beat:
    """Tell the client, whose stream is silent, that we are still there."""


@noun
class Reject:
    """Tell the client, who has seen nothing yet, that it failed.

    `cause` is the last attempt's failure, and `why` tells what kept another from following it; `retry_after_s` is when
    that is over, where it is known.
    """

    code: ErrorCode
    cause: FailureKind | None
    why: NoRetry
    retry_after_s: float | None = None


@noun
class AbortStream:
    """Tell the client, who has seen content, that the answer is incomplete: in band, with no terminal event."""

    cause: FailureKind | None


@noun
class Finish:
    """The end; always the last command. No timer outlives it."""

    outcome: Outcome


Command = OpenAttempt | CancelAttempt | SetTimer | ClearTimer | Commit | Beat | Reject | AbortStream | Finish
Commands = tuple[Command, ...]
