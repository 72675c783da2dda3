"""Which server is asked next when an attempt has failed: one request's way over its ladder. Pure.

failure ─▶ safe-retry table ─▶ rungs in order of preference ─▶ those with a server left, a window
           large enough and an answer in time ─▶ the first of them, or why there is none
"""

from collections.abc import Iterable

from gateway.core.exchange_events import AttemptFailed, Plan
from gateway.core.retry_table import SAFE_RETRY, Next
from gateway.domain.noun import noun
from gateway.domain.outcome import FailureKind, NoRetry

BRIEF_WAIT_S = 1.0
"""A server that asks for no more than this is waited for; another tier would hardly answer sooner."""
JITTER_FIRST_S = 0.05
JITTER_MAX_S = 1.0
"""Of the random wait before a busy tier is asked again. It doubles from the first to this."""


@noun
class Step:
    """The next attempt: on that rung, after that wait; `again` on the server of the attempt that failed."""

    rung: int
    after_s: float = 0.0
    again: bool = False


class Climb:
    """How far a request has come on its ladder."""

    __slots__ = ("_busy", "_exceeded_tokens", "_here", "_plan", "_tried", "is_freshened", "opened", "opens_in_s")

    def __init__(self, plan: Plan) -> None:
        self.opened = 0
        """Attempts so far."""
        self.is_freshened = False
        """A kept connection had died and was replaced: that attempt is not the route's, but of our own making."""
        self.opens_in_s: float | None = None
        """When the first of the rungs opens that a cost storm shuts, if that is what ended the climb."""
        self._plan = plan
        self._here = 0
        self._tried = [0] * len(plan.rungs)
        self._busy = 0
        self._exceeded_tokens = -1

    @property
    def here(self) -> int:
        """The rung of the last attempt."""
        return self._here

    @property
    def attempts_max(self) -> int:
        """Attempts that may be made in all."""
        return self._plan.max_attempts + self.is_freshened

    def take(self, step: Step) -> int:
        """Note that the step is taken, and return the number of its attempt."""
        self._here = step.rung
        if not step.again:
            self._tried[step.rung] += 1
        number, self.opened = self.opened, self.opened + 1
        return number

    def next(self, failed: AttemptFailed, now_s: float) -> Step | NoRetry:
        """Return the step that follows a failure, or why none does. Whether a budget allows it is another's to say."""
        kind, plan = failed.kind, self._plan
        if kind is FailureKind.STALE:
            if plan.replayable and not self.is_freshened:
                self.is_freshened = True
                return Step(self._here, again=True)
            kind = FailureKind.NO_RESPONSE
        rule = SAFE_RETRY[kind]
        if rule.next is Next.NOWHERE:
            return NoRetry.FINAL
        if kind not in plan.retry_on:
            return NoRetry.POLICY
        if rule.may_have_run and not plan.replayable:
            return NoRetry.NOT_REPLAYABLE
        if self.opened >= self.attempts_max:
            return NoRetry.MAX_ATTEMPTS
        if kind is FailureKind.BUSY:
            return self._after_busy(failed.retry_after_s, now_s)
        if kind is FailureKind.CONTEXT_LENGTH:
            self._exceeded_tokens = max(self._exceeded_tokens, plan.rungs[self._here].context_tokens)
        return self._first(self._preferred(rule.next), now_s)

    def hedge(self, now_s: float) -> Step | None:
        """Return the step that hedges the attempt under way: to a neighbour, and only if one is to spare."""
        here = self._here
        can = self.opened < self.attempts_max and self._has_untried(here) and self._is_timely(here, now_s)
        return Step(here) if can else None

    def _after_busy(self, retry_after_s: float | None, now_s: float) -> Step | NoRetry:
        """Wait where the server asks for little; else go elsewhere, and come back to the tier only after a pause."""
        here = self._here
        jitter_s = self._plan.jitter * min(JITTER_FIRST_S * 2**self._busy, JITTER_MAX_S)
        self._busy += 1
        if retry_after_s is not None and retry_after_s <= BRIEF_WAIT_S:
            wait_s = retry_after_s + jitter_s
            if self._is_timely(here, now_s + wait_s):
                return Step(here, wait_s, again=not self._has_untried(here))
        step = self._first(self._preferred(Next.NEXT_TIER), now_s)
        if isinstance(step, NoRetry) or step.rung != here:
            return step
        return Step(here, jitter_s) if self._is_timely(here, now_s + jitter_s) else NoRetry.DEADLINE

    def _preferred(self, towards: Next) -> Iterable[int]:
        here, count = self._here, len(self._plan.rungs)
        if towards is Next.NEIGHBOUR:
            return range(here, count)
        if towards is Next.NEXT_TIER:
            return (*range(here + 1, count), here)
        if towards is Next.STRONGER_TIER:
            rank = self._plan.rungs[here].rank
            return [rung for rung in range(here + 1, count) if self._plan.rungs[rung].rank > rank]
        return (*range(here + 1, count), *range(here))

    def _first(self, rungs: Iterable[int], now_s: float) -> Step | NoRetry:
        able = [rung for rung in rungs if self._has_untried(rung) and self._holds(rung)]
        if not able:
            return NoRetry.EXHAUSTED
        may = [rung for rung in able if self._plan.shut_s(rung) <= 0.0]
        if not may:
            self.opens_in_s = min(map(self._plan.shut_s, able))
            return NoRetry.COST_STORM
        timely = next((rung for rung in may if self._is_timely(rung, now_s)), None)
        return NoRetry.DEADLINE if timely is None else Step(timely)

    def _has_untried(self, rung: int) -> bool:
        return self._tried[rung] < self._plan.rungs[rung].endpoints

    def _holds(self, rung: int) -> bool:
        return self._plan.rungs[rung].context_tokens > self._exceeded_tokens

    def _is_timely(self, rung: int, now_s: float) -> bool:
        return now_s + self._plan.expects_s(rung) < self._plan.deadline_at_s
