"""What must hold of every request's life: one policy, an end in time, few calls, and servers that are let go."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from gateway.domain.errors import ErrorCode
from tests.sim.case import Mishap, Mode
from tests.sim.told import ALIVE_S, COALESCED, INSTANT_S, Told, extended

LET_GO_S: Final = 0.25
"""How soon a server is let go whose client has left."""
AFTERWARDS_S: Final = 0.6
"""How long a server is heard out after its stream's end has gone out: for the usage half a second, for the body's end a
tenth. Clients leave as soon as they have the end, so that cannot count as leaving."""
LOSER_S: Final = 0.05
"""How soon the other of two calls is let go."""
LEARNT_S: Final = 0.01
"""How soon another gateway knows where a turn has left a conversation."""
_LIVE_MAX: Final = 2
_PINNED_ATTEMPTS: Final = 3
"""An alias of a tier has no route in the policy, and so the default."""


def one_policy_from_end_to_end(told: Told) -> Iterator[str]:
    """Snapshot, endpoints, model and prices are those of the policy in force when the request came."""
    snapshot, receipt = told.run.in_force[told.ask.number], told.receipt
    if receipt.snapshot != snapshot.id:
        yield f"P13: came under {snapshot.id}, recorded under {receipt.snapshot}"
    header = told.client.responder.headers.get(b"x-tiergate-snapshot")
    if header is not None and header.decode() != snapshot.id:
        yield f"P13: came under {snapshot.id}, answered under {header!r}"
    models = {tier.model for tier in snapshot.tiers.values()}
    for call in told.calls:
        if call.question.model not in models:
            yield f"P13: {call.question.model} is no model of the request's policy"


def nobody_outlives_the_deadline(told: Told) -> Iterator[str]:
    """Request and calls end in time, but for a client that keeps the gateway waiting."""
    by_s = told.ends_by_s()
    for call in told.calls:
        if call.ended_s is not None and call.ended_s > by_s:
            yield f"P15: call {call.question.call} ended {call.ended_s - by_s:.3f} s too late"
    by_s = extended(by_s - ALIVE_S, [*told.client.blocked_s, *told.run.stood_s]) + ALIVE_S
    over_s = told.client.over_s
    if over_s is not None and over_s > by_s:
        yield f"P15: alive for {over_s - by_s:.3f} s too long"


def servers_are_let_go(told: Told) -> Iterator[str]:
    """A client that leaves, or whose task is ended, frees its servers."""
    left_s = told.client.left_s
    for call in told.calls:
        if left_s is None or call.ended_s is None:
            continue
        by_s = extended(max(left_s, call.began_s) + LET_GO_S, told.run.stood_s) + LET_GO_S
        end_s = told.end_s()
        if call is told.serving() and end_s is not None and end_s <= left_s:
            by_s = max(by_s, extended(end_s + AFTERWARDS_S, told.run.stood_s) + LOSER_S)
        by_s = max(by_s, extended(_followed_until_s(told) + LET_GO_S, told.run.stood_s) + LET_GO_S)
        if call.ended_s > by_s:
            yield f"P9: call {call.question.call} went on for {call.ended_s - left_s:.3f} s"


def _followed_until_s(told: Told) -> float:
    """Tell until when others waited for this request's answer; the run's beginning where nobody did."""
    run = told.run
    followers = [other.client for other in told.others() if other.receipt.cache == COALESCED and told.is_same(other)]
    return max([client.left_s or client.over_s or 0.0 for client in followers], default=run.zero_s)


def attempts_are_bounded(told: Told) -> Iterator[str]:
    """No more calls than the policy allows, no more than two at once, and none once the client has content."""
    calls, content_s = told.calls, told.content_s()
    stale = any(one.ask == told.ask.number and one.kind is Mishap.STALE for one in told.run.case.calls)
    if len(calls) > (told.run.case.shape.attempts if told.ask.is_routed else _PINNED_ATTEMPTS) + stale:
        yield f"P6: {len(calls)} calls"
    for call in calls:
        # What is let go in the same instant ends a turn of the loop later, and no time.
        at_s = call.began_s
        live = [one for one in calls if one.began_s <= at_s and (one.ended_s or 0.0) > at_s + INSTANT_S]
        if len(live) > _LIVE_MAX:
            yield f"P6: {len(live)} calls at once"
        if told.read.tokens and content_s is not None and call.began_s > content_s:
            yield f"P5: call {call.question.call} began after the client had content"


def losers_are_let_go(told: Told) -> Iterator[str]:
    """Once the client has content of one call, no other goes on."""
    serving, content_s = told.serving(), told.content_s()
    if serving is None or content_s is None:
        return
    for call in told.calls:
        by_s = extended(content_s, told.run.stood_s) + LOSER_S
        if call is not serving and call.began_s <= content_s and call.ended_s is not None and call.ended_s > by_s:
            yield f"P5: call {call.question.call} went on beside call {serving.question.call}"


def what_is_cut_off_is_told(told: Told) -> Iterator[str]:
    """A stream that is broken off from outside says so, to a client that reads."""
    client, answer = told.client, told.read
    if not client.was_cut or client.left_s is not None or client.blocked_s:
        return
    if answer.kind == "stream" and not answer.done and answer.code is None:
        yield "P14: broken off within the answer without a word"
    if answer.kind == "nothing":
        yield "P14: broken off without a word"


def drained_requests_are_told(told: Told) -> Iterator[str]:
    """What comes during a drain is turned away by its name."""
    drained_s = told.run.drained_s
    if drained_s is None or told.client.came_s <= drained_s:
        return
    if told.receipt.error is not ErrorCode.DRAINING:
        yield f"P14: came during the drain and was told {told.receipt.error}"


def tool_loops_stay_where_they_are(told: Told) -> Iterator[str]:
    """A request that brings the result of a tool goes to the tier that asked for it, if that is able."""
    ask, decision = told.ask, told.receipt.decision
    if ask.session < 0 or not ask.in_tool_loop or not ask.is_routed or decision is None:
        return
    # Without keys all callers are one tenant, and a session's name is theirs together.
    tenant = ask.tenant if told.run.case.shape.keyed else None
    others = (other for other in told.others() if other.ask.session == ask.session)
    turns = [other for other in others if tenant is None or other.ask.tenant == tenant]
    # One that came meanwhile may have moved the loop before this one's tier was chosen.
    is_in_turn = all(other.client.over_s is not None and other.client.over_s < told.client.came_s for other in turns)
    answered = [one for one in turns if one.ask.is_routed and one.receipt.tier is not None and one.calls]
    if not answered or not is_in_turn or not _is_known_here(told, turns):
        return
    last = max(answered, key=lambda one: one.client.over_s or 0.0)
    # Turns that were under way at once have no order: the loop may be with the tier of any of them.
    tiers = {str(one.receipt.tier) for one in answered if (one.client.over_s or 0.0) >= last.client.came_s}
    able = {view.tier for view in decision.views if view.removed_by is None}
    if tiers <= able and decision.ladder[0] not in tiers:
        yield f"conversation: in a tool loop with {' or '.join(sorted(tiers))}, and sent to {decision.ladder[0]}"


def _is_known_here(told: Told, turns: Sequence[Told]) -> bool:
    """Tell whether this request's gateway must know of the turns: its own, or what a sound Redis had time to learn."""
    case, came_s = told.run.case, told.client.came_s
    foreign = [one for one in turns if case.gateway_of(one.ask.number) != case.gateway_of(told.ask.number)]
    if not foreign or case.redis is None:
        return True
    return not case.redis.faults and all((one.client.over_s or came_s) + LEARNT_S < came_s for one in foreign)


def all_is_well_again(told: Told) -> Iterator[str]:
    """Once faults have stopped, whoever asks is answered."""
    case = told.run.case
    if case.mode is Mode.LIVENESS and told.ask.at_s >= case.quiet_from_s and told.receipt.error is not None:
        yield f"liveness: {told.receipt.error} long after the last fault"


LIFE_CHECKS: Final[tuple[Callable[[Told], Iterator[str]], ...]] = (
    one_policy_from_end_to_end,
    nobody_outlives_the_deadline,
    servers_are_let_go,
    attempts_are_bounded,
    losers_are_let_go,
    what_is_cut_off_is_told,
    drained_requests_are_told,
    tool_loops_stay_where_they_are,
    all_is_well_again,
)
