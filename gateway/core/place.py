"""A tier's endpoints together, and a place taken on one of them by one call."""

from collections.abc import Container
from dataclasses import replace
from typing import Final

from gateway.core.breaker import HARD, Failure
from gateway.core.endpoint_state import EndpointState
from gateway.core.latency import GRAY_NO_MORE, Baseline, share_of, slowness_scores
from gateway.domain.ids import EndpointId
from gateway.domain.request import Operation
from gateway.domain.tier import Endpoint, Tier, TierLimits

LOOK_EVERY_S: Final = 0.25
"""How often endpoints are compared with each other. An endpoint that drops out is noticed at once."""
TRY_EVERY_S: Final = 1.0
"""When all endpoints are out or full, one request is let through so long after the last failure."""
UNHURRIED: Final = 0.05
"""Beginnings within this share of the tier's own limit are no congestion, however fast they were before."""
OWN_TURNS: Final = 3
"""Of our event loop's turns before a beginning is seen: the call's, the head's and the first bytes'. What they are late
is our doing: a worker short of time would else take it for its servers' and turn away what they could well serve."""
QUICK: Final = 0.8
"""Of the time that was usual: whoever takes less is not compared with those who take that."""
_USUAL_SHARE: Final = 0.02
_SOON_S: Final = float("-inf")


class Servers:
    """The endpoints of a tier, compared with each other."""

    __slots__ = (
        "_trials",
        "begins",
        "endpoints",
        "gray",
        "is_even",
        "limits",
        "look_at_s",
        "picks",
        "states",
        "try_at_s",
        "usual_tokens",
        "wholes",
        "works",
    )

    def __init__(self, tier: Tier, states: list[EndpointState]) -> None:
        self.resolve(tier, states)
        self.gray: tuple[EndpointState, ...] = ()
        self.is_even = True
        """All endpoints have the same weight."""
        self.picks = 0
        self.try_at_s = _SOON_S
        self.usual_tokens = 0.0
        """Of a request, prompt and answer."""
        self.begins = Baseline()
        """Time to the first content of a stream, by the prompt's tokens."""
        self.wholes = Baseline()
        """Time to a whole answer, by its own tokens."""
        self.works = Baseline()
        """Time to the first content of a stream, by the tokens that had to be computed for it and before it."""
        self._trials = 0

    def resolve(self, tier: Tier, states: list[EndpointState]) -> None:
        """Take up the endpoints of a policy, with what is known of each."""
        self.endpoints: tuple[Endpoint, ...] = tier.endpoints
        self.states: tuple[EndpointState, ...] = tuple(states)
        # Whoever asks for the servers first may be one who may not fill them.
        self.limits: TierLimits = tier.limits if tier.limits.fill == 1.0 else replace(tier.limits, fill=1.0)
        self.look_at_s = _SOON_S

    def look(self, now_s: float) -> None:
        """Compare the endpoints, and set their weights."""
        states = self.states
        for state in states:
            state.breaker.advance(now_s)
        scores = slowness_scores([state.slowness.ratio for state in states])
        for state, score in zip(states, scores, strict=True):
            state.score = score
            share = share_of(score)
            state.is_gray = not share or (state.is_gray and score > GRAY_NO_MORE)
            state.ramp = state.breaker.weight(now_s)
            state.weight = 0.0 if state.is_gray else state.ramp * share
        for state in self._spared():
            state.ramp = state.weight = 1.0
        for state in states:
            state.is_gray = state.is_gray and not state.breaker.is_open
        self.gray = tuple([state for state in states if state.is_gray])
        self.is_even = all(state.weight == 1.0 for state in states)
        self.look_at_s = now_s + LOOK_EVERY_S

    def _spared(self) -> list[EndpointState]:
        """Return the endpoints that stay in service although their breakers are open.

        Half of a tier at most is out for failing, lest those that are left are overrun, too; those that failed least
        recently stay. Where nobody can be reached, or all are out, there is nothing to keep.
        """
        out = [state for state in self.states if state.breaker.is_open]
        if len(out) == len(self.states):
            return []
        soft = [state for state in out if state.breaker.cause not in HARD]
        spared = max(0, len(out) - len(self.states) // 2)
        return sorted(soft, key=lambda state: state.breaker.failed_at_s)[:spared]

    def to_try(self, now_s: float, prompt_tokens: int = 0, tried: Container[EndpointId] = ()) -> EndpointState | None:
        """Return the one that failed least recently, if an endpoint that is out may be tried before anyone is refused.

        That is where no other can be given a prompt of that length: one call at a time, `TRY_EVERY_S` after the last
        failure. One that asked to be left alone is spared while there are others, however full these are.
        """
        if self._trials or now_s < self.try_at_s:
            return None
        serving = [state for state in self.states if not state.is_out(now_s)]
        if any(state.has_room(self.limits, prompt_tokens) for state in serving):
            return None
        idle = [state for state in self.states if not state.in_flight and state.endpoint.id not in tried]
        if serving:
            idle = [state for state in idle if now_s >= state.busy_until_s]
        return min(idle, key=lambda state: state.breaker.failed_at_s, default=None)

    def begin_trial(self) -> None:
        """Count a trial that starts."""
        self._trials += 1

    def end_trial(self) -> None:
        """Count a trial that ended."""
        self._trials -= 1

    def note_failure(self, now_s: float) -> None:
        """Take note that an endpoint failed or asked to be left alone."""
        self.look_at_s = _SOON_S
        self.try_at_s = now_s + TRY_EVERY_S


class Place:
    """One call's place on an endpoint, from its choice to its end. Times are monotonic seconds."""

    __slots__ = (
        "_began_s",
        "_is_over",
        "_is_trial",
        "_pending_tokens",
        "_prompt_tokens",
        "_row",
        "_servers",
        "_tokens",
        "_work_tokens",
        "state",
    )

    def __init__(
        self,
        servers: Servers,
        state: EndpointState,
        now_s: float,
        prompt_tokens: int,
        tokens: int,
        *,
        cached_tokens: int = 0,
        is_trial: bool = False,
    ) -> None:
        self.state = state
        self._servers = servers
        self._began_s = now_s
        self._prompt_tokens = prompt_tokens
        self._tokens = tokens
        self._pending_tokens = max(0, prompt_tokens - cached_tokens)
        self._work_tokens = self._pending_tokens
        if len(servers.states) > 1:
            self._work_tokens += int(state.waiting_tokens(now_s, servers.usual_tokens))
        self._is_trial = is_trial
        self._is_over = False
        self._row = 0
        state.in_flight += 1
        state.prompt_tokens += prompt_tokens
        state.outstanding_tokens += tokens
        state.pending_tokens += self._pending_tokens
        state.used_s = now_s
        state.picked_at = servers.picks
        # The first one is the usual one until there are more.
        servers.usual_tokens += (_USUAL_SHARE if servers.usual_tokens else 1.0) * (tokens - servers.usual_tokens)
        if is_trial:
            servers.begin_trial()

    @property
    def endpoint(self) -> Endpoint:
        """Where it is."""
        return self.state.endpoint

    def began_to_answer(
        self, operation: Operation, now_s: float, *, answer_tokens: int | None, own_lag_s: float = 0.0
    ) -> None:
        """Take note of content: a stream's first, or a whole answer of that many tokens.

        `own_lag_s` is how late our event loop comes at present.
        """
        state, servers = self.state, self._servers
        self._end_pending()
        took_s = _less_own(now_s - self._began_s, own_lag_s)
        if answer_tokens is None:
            self._note_beginning(took_s, now_s)
        else:
            ratio = servers.wholes.learn(answer_tokens, took_s)
            state.slowness.observe(ratio, now_s)
            # How long it took tells of its length and of its server, not of congestion: it is no reason for less.
            state.concurrency.observe(min(ratio, 1.0), state.in_flight, servers.limits.in_flight, now_s)
        if state.breaker.is_open:
            servers.look_at_s = _SOON_S
        self._row = state.breaker.row
        state.breaker.succeeded(self._began_s, now_s)
        state.answered_began_s = max(state.answered_began_s, self._began_s)
        state.operation = operation

    def outrun(self, now_s: float, own_lag_s: float = 0.0) -> float:
        """Take note that a later call had content first, and return how long this one waited for its own."""
        waited_s = now_s - self._began_s
        # It would have taken longer still.
        self._note_beginning(_less_own(waited_s, own_lag_s), now_s)
        return waited_s

    def failed(
        self, failure: Failure, now_s: float, chance: float, *, waited_s: float | None = None, own_lag_s: float = 0.0
    ) -> None:
        """Take note that the call came to nothing, and that it was the endpoint's fault.

        `waited_s` is how long a stream's beginning was waited for in vain, `own_lag_s` how late our event loop comes.
        """
        if waited_s is not None:
            # It would have taken longer still.
            self._note_beginning(_less_own(waited_s, own_lag_s), now_s)
        self.state.breaker.failed(failure, self._began_s, now_s, chance, row=self._row)
        self._servers.note_failure(now_s)

    def was_busy(self, now_s: float, until_s: float) -> None:
        """Take note that the endpoint said it is busy, until then."""
        self.state.concurrency.refused(self.state.in_flight - 1, now_s)
        self.state.mark_busy(until_s)
        self._servers.note_failure(now_s)

    def leave(self, now_s: float) -> None:
        """Give the place back; a second time changes nothing."""
        if self._is_over:
            return
        self._is_over = True
        state = self.state
        self._end_pending()
        state.in_flight -= 1
        state.prompt_tokens -= self._prompt_tokens
        state.outstanding_tokens -= self._tokens
        state.note_duration(now_s - self._began_s)
        if self._is_trial:
            self._servers.end_trial()

    def _end_pending(self) -> None:
        self.state.pending_tokens -= self._pending_tokens
        self._pending_tokens = 0

    def _note_beginning(self, took_s: float, now_s: float) -> None:
        servers, state = self._servers, self.state
        ratio = servers.begins.learn(self._prompt_tokens, took_s)
        slow = ratio
        if len(servers.states) > 1:
            # Late for its length may be one that waits behind others, and late for the work one of which less was kept
            # than was thought: a slow server's are both. How quick a quick one was tells nothing of the others.
            slow = max(QUICK, min(ratio, servers.works.learn(self._work_tokens, took_s)))
        state.slowness.observe(slow, now_s)
        limits = servers.limits
        unhurried_s = UNHURRIED * limits.ttft_s
        late = ratio if took_s > unhurried_s else min(ratio, 1.0)
        state.concurrency.observe(late, state.in_flight, limits.in_flight, now_s)


def _less_own(took_s: float, own_lag_s: float) -> float:
    return max(0.0, took_s - OWN_TURNS * own_lag_s)
