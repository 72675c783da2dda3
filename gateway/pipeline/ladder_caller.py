"""Who calls the servers of a request's ladder: it picks one, counts the call, and notes what became of it."""

from gateway.core.picker import EndpointState
from gateway.domain.ids import EndpointId
from gateway.domain.outcome import FailureKind
from gateway.domain.tier import Endpoint, Tier
from gateway.pipeline.attempt import Attempt, Question, open_attempt
from gateway.pipeline.journey import Arrival, Decided
from gateway.pipeline.world import World

_BUSY_S = 1.0
"""How long a server that said "busy" without saying for how long is left alone."""
_DOWN_S = 2.0
"""How long a server that could not be reached is left alone: a restart takes longer, a hiccup does not."""


class LadderCaller:
    """Places the calls of one request on the servers of its ladder.

    No server is called twice for one request, unless the machine says so.
    """

    def __init__(self, decided: Decided, arrival: Arrival, world: World) -> None:
        self._tiers = decided.tiers
        request = decided.scored.looked.canonical.request
        self._request = request
        self._question = Question(request, arrival.inbound.headers, arrival.request_id)
        self._world = world
        self._tried: set[EndpointId] = set()
        self._open: dict[int, EndpointState] = {}

    def place(self, number: int, rung: int, again: Attempt | None) -> Attempt:
        """Choose a server of that rung which this request has not tried; or take that of `again` once more."""
        tier, table = self._tiers[rung], self._world.endpoints
        now_s = self._world.clock.now_s()
        if tier.rank > self._tiers[0].rank:
            self._world.storms.climbed(tier, now_s)
        endpoint = self._untried(tier, now_s) if again is None else again.endpoint
        self._tried.add(endpoint.id)
        # Kept, not looked up again: a reload may have dropped it from the table by the time the call is over.
        state = self._open[number] = table.state(endpoint.id)
        state.begin()
        is_stale = again is not None and again.failure is FailureKind.STALE
        return Attempt(number, tier, endpoint, now_s, fresh_connection=is_stale)

    def _untried(self, tier: Tier, now_s: float) -> Endpoint:
        endpoint = self._world.endpoints.pick(tier, now_s, self._world.chance(), tried=self._tried)
        # All that are left were marked down meanwhile, by other requests: try one rather than none.
        return endpoint or next(other for other in tier.endpoints if other.id not in self._tried)

    async def call(self, attempt: Attempt) -> None:
        """Wait for content, into `attempt.opened`."""
        world, request = self._world, self._request
        await open_attempt(attempt, self._question, world.transports[attempt.endpoint.transport], world.clock)
        if request.stream:
            now_s = world.clock.now_s()
            world.slos.first_content(attempt.tier, request.input_tokens, now_s - attempt.started_s, now_s)

    def over(self, attempt: Attempt) -> None:
        """Take the call off its server's count, and leave the server alone for a while if it asked for that."""
        state = self._open.pop(attempt.number, None)
        if state is None:
            return
        state.end()
        world, error = self._world, attempt.error
        if attempt.failure is FailureKind.TTFT and self._request.stream:
            now_s = world.clock.now_s()
            world.slos.late(attempt.tier, self._request.input_tokens, now_s - attempt.started_s, now_s)
        if error is not None and error.kind in (FailureKind.BUSY, FailureKind.CONNECT) and not error.is_ours:
            pause_s = _DOWN_S if error.kind is FailureKind.CONNECT else _BUSY_S
            until_s = world.clock.now_s() + (pause_s if error.retry_after_s is None else error.retry_after_s)
            state.mark_busy(until_s)
