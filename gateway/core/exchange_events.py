"""The vocabulary of the exchange machine: its plan, what is reported to it, and what it asks for."""

from enum import Enum

from gateway.domain.errors import ErrorCode
from gateway.domain.ids import TierName
from gateway.domain.noun import noun
from gateway.domain.outcome import FailureKind, NoRetry, Outcome


@noun
class Rung:
    """One tier to try. `endpoints` is how many of its servers may be tried.

    The limits are for the first content, and for silence after it; an answer that comes whole has no after.
    `context_tokens` is the tier's window, and `expected_s` how soon it has content as far as is known, else 0.
    """

    tier: TierName
    endpoints: int
    first_content_limit_s: float
    stall_limit_s: float | None
    context_tokens: int = 0
    expected_s: float = 0.0


@noun
class Plan:
    """The ladder, cheapest hope first, and what may be spent on climbing it. `deadline_at_s` is monotonic.

    `replayable` says that a server which has worked on the request in vain has done no harm. `jitter` is uniform in
    [0, 1): drawn once, it spreads the waits of this request.
    """

    rungs: tuple[Rung, ...]
    max_attempts: int
    retry_on: frozenset[FailureKind]
    deadline_at_s: float
    replayable: bool = True
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if not self.rungs or self.max_attempts < 1 or min(rung.endpoints for rung in self.rungs) < 1:
            raise ValueError(f"a plan needs a rung, an attempt, and an endpoint on every rung: {self}")


class Timer(Enum):
    """The clocks that a request may have running; at most one of each."""

    FIRST_CONTENT = "first_content"
    STALL = "stall"
    DEADLINE = "deadline"
    RETRY = "retry"


@noun
class Begin:
    """Start climbing."""


@noun
class FirstContent:
    """An attempt has content in hand: for a stream its first token, otherwise the whole checked answer."""

    attempt: int


@noun
class Ended:
    """The committed answer is complete."""

    attempt: int


@noun
class AttemptFailed:
    """An attempt came to nothing, or its answer broke off. `retry_after_s` is what a busy server asked for."""

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


Event = Begin | FirstContent | Ended | AttemptFailed | TimerFired | ClientGone


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
    """Fire `timer` at that monotonic time. STALL is renewed by every byte: it fires `after_s` after the last one."""

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
class Reject:
    """Tell the client, who has seen nothing yet, that it failed.

    `cause` is the last attempt's failure, and `why` tells what kept another from following it.
    """

    code: ErrorCode
    cause: FailureKind | None
    why: NoRetry


@noun
class AbortStream:
    """Tell the client, who has seen content, that the answer is incomplete: in band, with no terminal event."""

    cause: FailureKind | None


@noun
class Finish:
    """The end; always the last command."""

    outcome: Outcome


Command = OpenAttempt | CancelAttempt | SetTimer | ClearTimer | Commit | Reject | AbortStream | Finish
Commands = tuple[Command, ...]
