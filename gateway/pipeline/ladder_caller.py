"""Who calls the servers of a request's ladder: it takes a place on one, makes the call, and notes what became of it."""

from functools import cached_property
from hashlib import sha256
from typing import Final

from gateway.core.breaker import Failure
from gateway.core.cache_rules import tenant_secret
from gateway.core.climb import BRIEF_WAIT_S
from gateway.core.cost_storm import Climbing
from gateway.core.place import Place
from gateway.core.prefix_chain import cache_salt
from gateway.core.quarantine import Verdict
from gateway.core.value import expected_output_tokens
from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import EndpointId
from gateway.domain.outcome import FailureKind
from gateway.pipeline.attempt import Attempt, AttemptError, open_attempt
from gateway.pipeline.beginning import Beginning, mark_of
from gateway.pipeline.journey import Arrival, Decided
from gateway.pipeline.places import arrived
from gateway.pipeline.question import Question
from gateway.pipeline.signs_of_life import look_for_life
from gateway.pipeline.world import World
from gateway.wire.identity import cache_identity

_BUSY_S: Final = 1.0
"""How long a server that said "busy" without saying for how long is left alone."""
_NOT_NOW_S: Final = 1.0
_QUARANTINED: Final = (
    "Model servers died each time that this very request reached them, so it is not sent again for some minutes. "
    "Change it, or ask the gateway's operators to look at their servers' logs."
)
_OVERLOADED: Final = 503
_WRONG_KEY: Final = frozenset({401, 403})
_BYTES_PER_TOKEN: Final = 4
_BLAME: Final = {
    FailureKind.CONNECT: Failure.UNREACHABLE,
    FailureKind.NO_RESPONSE: Failure.UNREACHABLE,
    FailureKind.SERVER_ERROR: Failure.SERVER,
    FailureKind.BAD_ANSWER: Failure.SERVER,
    FailureKind.BROKEN: Failure.SERVER,
    FailureKind.TTFT: Failure.SLOW,
    FailureKind.STALLED: Failure.SLOW,
}
"""What an attempt's end says of its server. A rejected request says nothing, and a busy server is no broken one."""
_LOST: Final = frozenset({FailureKind.NO_RESPONSE, FailureKind.BROKEN})
"""The connection was lost after the request was sent: it may be what the server died of."""


class LadderCaller:
    """Places the calls of one request on the servers of its ladder.

    No server is called twice for one request, unless the machine says so. What a batch request sees of its tiers counts
    for no objective.
    """

    def __init__(self, decided: Decided, arrival: Arrival, world: World) -> None:
        self._tiers = decided.tiers
        request = decided.scored.looked.canonical.request
        unfit = decided.scored.looked.canonical.route.fallback.unfit
        standing = decided.standing
        tenant = decided.scored.looked.canonical.admitted.key.tenant.id
        salt = cache_salt(tenant_secret(world.cache_master, tenant))
        self._question = Question(
            request, arrival.inbound.headers, arrival.request_id, arrival.trace, unfit, standing, salt
        )
        self._world = world
        self._seat = arrival.seat
        self._beginning = Beginning(decided, world)
        self._tried: set[EndpointId] = set()
        self._places: dict[int, Place] = {}
        self._climbing: dict[int, Climbing] = {}
        self._refusals: dict[int, AttemptError] = {}

    def place(self, number: int, rung: int, again: Attempt | None) -> Attempt:
        """Choose a server of that rung which this request has not tried; or take that of `again` once more.

        Where there is none, the attempt is refused when it is called.
        """
        tier, world, request = self._tiers[rung], self._world, self._question.request
        now_s = world.clock.now_s()
        answer_tokens = expected_output_tokens(request, tier)
        cached = self._beginning.cached(tier, now_s)
        if again is not None and again.number not in self._refusals:
            place = world.endpoints.take_again(again.endpoint, tier, now_s, request.input_tokens, answer_tokens)
        else:
            place = world.endpoints.take(
                tier,
                now_s,
                world.chance(),
                prompt_tokens=request.input_tokens,
                answer_tokens=answer_tokens,
                tried=self._tried,
                cached=cached,
            )
        if self._seat is not None:
            arrived(self._seat, world)
        if place is None:
            # Others took the last places since the decision, or the servers dropped out.
            shortage = world.endpoints.unavailable((tier,), now_s, prompt_tokens=request.input_tokens).get(tier.name)
            wait_s = _NOT_NOW_S if shortage is None else shortage.retry_after_s
            self._refusals[number] = _refused("each of its servers is full, down or tried already", wait_s)
            untried = (other for other in tier.endpoints if other.id not in self._tried)
            return Attempt(number, tier, next(untried, tier.endpoints[0]), now_s)
        self._tried.add(place.endpoint.id)
        # Kept, not looked up again: a reload may have dropped it from the table by the time the call is over.
        self._places[number] = place
        if tier.rank > self._tiers[0].rank:
            self._climbing[number] = world.storms.climb(tier, now_s)
        self._beginning.sent(tier, place.endpoint, now_s)
        is_stale = again is not None and again.failure is FailureKind.STALE
        expected = 0 if cached is None else min(cached.get(place.endpoint.id, 0), request.input_tokens)
        return Attempt(
            number,
            tier,
            place.endpoint,
            now_s,
            fresh_connection=is_stale,
            prompt_cache_key=self._beginning.cache_key(tier, self._question.headers, now_s),
            expected_cached_tokens=expected,
        )

    async def call(self, attempt: Attempt) -> None:
        """Wait for content, into `attempt.opened`."""
        refusal = self._refusals.get(attempt.number)
        if refusal is not None:
            raise refusal
        world, question = self._world, self._question
        if not world.endpoints.quarantine.is_empty:
            await self._check_quarantine()
        await open_attempt(attempt, question, world.transports[attempt.endpoint.transport], world.clock)
        now_s, request = world.clock.now_s(), question.request
        self._places[attempt.number].began_to_answer(
            request.operation, now_s, answer_tokens=_answer_tokens(attempt), own_lag_s=world.admission.pressure.lag_s
        )
        if request.stream and self._seat is None:
            self._note_beginning(attempt, now_s)
        if not world.endpoints.quarantine.is_empty:
            world.endpoints.quarantine.answered(self._digest)

    def _note_beginning(self, attempt: Attempt, now_s: float) -> None:
        """Note how long a stream's first content took, and that a call which it hedged would have taken longer."""
        slos, input_tokens = self._world.slos, self._question.request.input_tokens
        own_lag_s = self._world.admission.pressure.lag_s
        slos.first_content(attempt.tier, input_tokens, now_s - attempt.started_s, now_s)
        for number, place in self._places.items():
            if number < attempt.number:
                slos.first_content(attempt.tier, input_tokens, place.outrun(now_s, own_lag_s), now_s)

    def over(self, attempt: Attempt) -> None:
        """Give the call's place back, and take note of what the end says of its server."""
        place = self._places.pop(attempt.number, None)
        if place is None:
            return
        now_s, request = self._world.clock.now_s(), self._question.request
        if attempt.failure is FailureKind.TTFT and request.stream and self._seat is None:
            self._world.slos.late(attempt.tier, request.input_tokens, now_s - attempt.started_s, now_s)
        self._judge(attempt, place, now_s)
        self._learn_of_cache(attempt, place)
        place.leave(now_s)
        if (climbing := self._climbing.pop(attempt.number, None)) is not None:
            climbing.end(now_s)

    def _judge(self, attempt: Attempt, place: Place, now_s: float) -> None:
        kind, error, quarantine = attempt.failure, attempt.error, self._world.endpoints.quarantine
        if kind is None or (error is not None and error.is_ours):
            return
        if kind is FailureKind.BUSY:
            wait_s = None if error is None else error.retry_after_s
            place.was_busy(now_s, now_s + (_BUSY_S if wait_s is None else wait_s))
            blame = Failure.SERVER if attempt.status == _OVERLOADED else None
        else:
            blame = Failure.CREDENTIALS if attempt.status in _WRONG_KEY else _BLAME.get(kind)
        if blame is not None:
            awaits = kind is FailureKind.TTFT and self._question.request.stream
            waited_s = now_s - attempt.started_s if awaits else None
            own_lag_s = self._world.admission.pressure.lag_s
            place.failed(blame, now_s, self._world.chance(), waited_s=waited_s, own_lag_s=own_lag_s)
        if kind is FailureKind.CONNECT and not quarantine.is_empty:
            quarantine.refused(place.state)
        elif kind in _LOST:
            quarantine.lost(self._digest, place.state, now_s)

    def _learn_of_cache(self, attempt: Attempt, place: Place) -> None:
        """Take note of what the server says it had of the prompt, and of one that is given up and will begin anew."""
        state = place.state
        if state.breaker.is_open:
            self._world.prefixes.forget(mark_of(place.endpoint, attempt.tier))
        usage = None if attempt.opened is None else attempt.opened.usage
        if usage is None:
            return
        # Most servers say nothing of it unless told to, which reads as none: only who has ever said more is believed.
        state.tells_cached = state.tells_cached or usage.cached_input_tokens > 0
        if state.tells_cached:
            self._beginning.answered(
                attempt.tier, place.endpoint, attempt.expected_cached_tokens, usage, attempt.started_s
            )

    async def _check_quarantine(self) -> None:
        """Raise AttemptError if model servers die of this request, or may well do."""
        world, quarantine = self._world, self._world.endpoints.quarantine
        unclear = quarantine.unclear(self._digest, world.clock.now_s())
        await look_for_life(unclear, quarantine, world.transports, world.clock)
        verdict = quarantine.verdict(self._digest, world.clock.now_s())
        if verdict is Verdict.HELD:
            raise _refused("it is not known yet what became of the servers it was lost on", _NOT_NOW_S)
        if verdict is Verdict.GUILTY:
            told = GatewayError(ErrorCode.REQUEST_QUARANTINED, _QUARANTINED)
            raise AttemptError(FailureKind.REJECTED, "not sent: it is quarantined", told=told, is_ours=True)

    @cached_property
    def _digest(self) -> bytes:
        return sha256(cache_identity(self._question.request)).digest()


def _answer_tokens(attempt: Attempt) -> int | None:
    """Return the length of a whole answer, estimated where its server does not tell; None for a stream."""
    assert attempt.opened is not None, "its content is in hand"
    answer = attempt.opened.answer
    if answer is None:
        return None
    if answer.usage is not None:
        return answer.usage.output_tokens
    return len(attempt.opened.body) // _BYTES_PER_TOKEN


def _refused(why: str, retry_after_s: float) -> AttemptError:
    # A short wait would be waited out here, where others wait already.
    told_s = None if retry_after_s <= BRIEF_WAIT_S else retry_after_s
    return AttemptError(FailureKind.BUSY, f"not sent: {why}", retry_after_s=told_s, is_ours=True)
