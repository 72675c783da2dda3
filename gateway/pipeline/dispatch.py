"""Stage 6, dispatch: climb the ladder until a server has content in hand. Nothing reaches the client before that."""

from gateway.core.exchange_events import Plan, Rung
from gateway.domain.request import CanonicalRequest
from gateway.domain.tier import Tier
from gateway.pipeline.interpreter import Interpreter
from gateway.pipeline.journey import Decided
from gateway.pipeline.ladder_caller import LadderCaller
from gateway.pipeline.world import World


def dispatch(decided: Decided, world: World) -> Interpreter:
    """Lay out the climb, and let the client's leaving end it. Await `until_commit()`, and always `aclose()`."""
    canonical = decided.scored.looked.canonical
    arrival, route, request = canonical.admitted.arrival, canonical.route, canonical.request
    rungs = tuple([_rung(tier, request, world) for tier in decided.tiers])
    plan = Plan(
        rungs,
        route.fallback.max_attempts,
        route.fallback.on,
        decided.deadline_at_s,
        replayable=route.fallback.replay,
        jitter=world.chance(),
    )
    caller = LadderCaller(decided, arrival, world)
    interpreter = Interpreter(plan, world.retries, caller, world.clock, world.exchange)
    arrival.responder.watch(interpreter.client_gone)
    return interpreter


def _rung(tier: Tier, request: CanonicalRequest, world: World) -> Rung:
    # With one server there is nothing to count: it is tried even if it is to be left alone.
    endpoints, limits = len(tier.endpoints), tier.limits
    if endpoints > 1:
        endpoints = world.endpoints.count_available(tier, world.clock.now_s()) or endpoints
    if not request.stream:
        return Rung(tier.name, endpoints, limits.answer_s, None, tier.context_tokens)
    first_content_s = limits.ttft_s + limits.ttft_s_per_input_token * request.input_tokens
    return Rung(tier.name, endpoints, first_content_s, limits.stall_s, tier.context_tokens)
