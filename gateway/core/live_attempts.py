"""The attempts of one request that are under way. Whatever leaves the set is given back to the budget it came from."""

from gateway.core.exchange_events import CancelAttempt
from gateway.core.retry_budget import RetryBudget
from gateway.domain.ids import TierName
from gateway.domain.outcome import FailureKind


class LiveAttempts:
    """A set of attempt numbers, and which of them were granted by the retry budget."""

    __slots__ = ("_budget", "_live", "_origin", "_retries")

    def __init__(self, budget: RetryBudget, origin: TierName) -> None:
        self._budget = budget
        self._origin = origin
        self._live: set[int] = set()
        self._retries: set[int] = set()

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, attempt: object) -> bool:
        return attempt in self._live

    def admit(self, now_s: float) -> None:
        """Count the request that makes the attempts."""
        self._budget.admit(self._origin, now_s)

    def grant_retry(self, attempt: int, now_s: float) -> bool:
        """Tell whether the budget allows that attempt as a retry, and hold its place if so."""
        if not self._budget.grant(self._origin, now_s):
            return False
        self._retries.add(attempt)
        return True

    def add(self, attempt: int) -> None:
        """An attempt begins."""
        self._live.add(attempt)

    def drop(self, attempt: int) -> None:
        """An attempt is over."""
        self._live.discard(attempt)
        self._give_back(attempt)

    def commit(self, attempt: int) -> tuple[CancelAttempt, ...]:
        """Go on with that one alone, and cancel the others.

        Its place in the budget is free from then on. The floor is there to bound how many servers are asked in vain at
        once; a retry that is being answered is none of those, and a stream may hold on to its place for minutes.
        """
        self._give_back(attempt)
        return self.cancel(None, but=attempt)

    def cancel(self, failure: FailureKind | None, *, but: int | None = None) -> tuple[CancelAttempt, ...]:
        """End all of them, or all but one, for that failure."""
        cancelled = tuple(CancelAttempt(number, failure) for number in sorted(self._live) if number != but)
        for command in cancelled:
            self.drop(command.attempt)
        return cancelled

    def _give_back(self, attempt: int) -> None:
        if attempt in self._retries:
            self._retries.discard(attempt)
            self._budget.over(self._origin)
