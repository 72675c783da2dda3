"""Stage 6, dispatch: climb the ladder until a server has content in hand. Nothing reaches the client before that."""

from gateway.core.exchange_events import Plan, Rung
from gateway.core.hedging import Hedge
from gateway.core.value import expected_output_tokens
from gateway.domain.request import CanonicalRequest
from gateway.domain.tier import Tier
from gateway.pipeline.heartbeat import Heartbeat
from gateway.pipeline.interpreter import Interpreter
from gateway.pipeline.journey import Decided, Trail
from gateway.pipeline.ladder_caller import LadderCaller
from gateway.pipeline.world import World
from gateway.policy.snapshot import HedgeTerms, Route
from gateway.ports import ClientGone


def dispatch(trail: Trail, decided: Decided, world: World) -> Interpreter:
    """Lay out the climb, and let the client's leaving end it. Await `until_commit()`, and always `aclose()`.

    Raises ClientGone where the client has left by now: one that followed another's answer was watched before.
    """
    canonical = decided.scored.looked.canonical
    arrival, route, request = canonical.admitted.arrival, canonical.route, canonical.request
    if arrival.responder.gone.is_set():
        raise ClientGone
    rungs = tuple([_rung(tier, request, world) for tier in decided.tiers])
    plan = Plan(
        rungs,
        route.fallback.max_attempts,
        route.fallback.on,
        decided.deadline_at_s,
        replayable=route.fallback.replay,
        jitter=world.chance(),
        hedge=None if route.hedge is None else _hedge(route.hedge, route, decided.tiers[0], request, world),
        heartbeat_s=route.heartbeat_s if request.stream else None,
        expects_s=lambda rung: _expected_s(decided.tiers[rung], request, world),
        shut_s=lambda rung: _shut_s(decided.tiers, rung, world),
    )
    caller = LadderCaller(decided, arrival, world)
    interpreter = Interpreter(plan, world.retries, caller, world.clock, world.exchange, Heartbeat(trail))
    gone = interpreter.client_gone
    arrival.responder.watch(gone if trail.flight is None else trail.flight.carried_by(gone))
    return interpreter


def _hedge(terms: HedgeTerms, route: Route, tier: Tier, request: CanonicalRequest, world: World) -> Hedge | None:
    """Say when the request is hedged; a whole answer is not, since its server is silent until its end."""
    if not request.stream or request.input_tokens > terms.prompt_tokens_max:
        return None
    after_s = terms.after_s
    if after_s is None:
        now_s = world.clock.now_s()
        # As many streams are later than that as the budget pays for. Asked sooner, servers would be spent on streams
        # that are about to begin, and none left for those that stall.
        after_s = world.slos.ttft_within_s(tier.name, request.input_tokens, now_s, 1.0 - terms.share)
    return None if after_s is None else Hedge(after_s, terms.share, route.name, world.hedges)


def _expected_s(tier: Tier, request: CanonicalRequest, world: World) -> float:
    """Expect how soon a tier has content: its first token, or the whole of an answer that is not streamed."""
    now_s, slos = world.clock.now_s(), world.slos
    ttft_s = slos.expected_ttft_s(tier.name, request.input_tokens, now_s) or 0.0
    if request.stream:
        return ttft_s
    return ttft_s + expected_output_tokens(request, tier) * (slos.expected_itl_s(tier.name, now_s) or 0.0)


def _shut_s(tiers: tuple[Tier, ...], rung: int, world: World) -> float:
    """Say for how long nobody may climb to a rung; down the ladder one always may."""
    tier = tiers[rung]
    return 0.0 if tier.rank <= tiers[0].rank else world.storms.reopens_in_s(tier)


def _rung(tier: Tier, request: CanonicalRequest, world: World) -> Rung:
    # With one server there is nothing to count: it is tried even if it is to be left alone.
    endpoints, limits = len(tier.endpoints), tier.limits
    if endpoints > 1:
        endpoints = world.endpoints.count_available(tier, world.clock.now_s()) or endpoints
    if not request.stream:
        return Rung(tier.name, endpoints, limits.answer_s, None, tier.context_tokens, rank=tier.rank)
    first_content_s = limits.ttft_s + limits.ttft_s_per_input_token * request.input_tokens
    return Rung(tier.name, endpoints, first_content_s, limits.stall_s, tier.context_tokens, rank=tier.rank)
