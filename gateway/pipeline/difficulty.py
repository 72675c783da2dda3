"""Answer the one question that is the gateway's own: how hard a request is, as its route's scorer has it.

No server is asked, nothing is kept and nothing is charged; it counts as a request of its tenant.
"""

from gateway.core.cache_rules import ANY_AGE
from gateway.core.difficulty import difficulty
from gateway.domain.ability import acceptance
from gateway.domain.decision import TierView
from gateway.domain.outcome import Outcome
from gateway.pipeline.hold import place_hold
from gateway.pipeline.journey import Looked, Trail
from gateway.pipeline.lookup import OFF
from gateway.pipeline.respond import send_whole
from gateway.pipeline.score import score
from gateway.pipeline.world import World
from gateway.wire.difficulty import DifficultyQuestion, write_difficulty
from gateway.wire.headers import JSON, tiergate_headers

_OK = 200


async def tell_difficulty(trail: Trail, question: DifficultyQuestion, world: World) -> None:
    """Score the request as for its route, with what labels near it say, and send what was asked.

    Tiers that the key may not use are not told of. Raises GatewayError where the tenant's rate is spent.
    """
    canonical, arrival, now = trail.canonical, trail.arrival, world.clock.now_s
    assert canonical is not None, "what is asked was read before"
    tenant, snapshot = canonical.admitted.key.tenant, arrival.snapshot
    waited_s = 0.0
    if not tenant.allowance.is_unlimited:
        waited_s = await place_hold(canonical, world, amount_usd_nano=0, tokens=0)
    trail.looked = Looked(canonical, OFF, ANY_AGE, None, None, waited_s)
    trail.marks_s.append(now())
    trail.scored = await score(trail.looked, world)
    trail.marks_s.append(now())
    found = trail.scored.score
    tiers = [snapshot.tiers[name] for name in canonical.route.tiers if tenant.tiers is None or name in tenant.tiers]
    views = [
        TierView(
            tier.name,
            acceptance(tier.ability, found, shift=found.shift_of(tier.name)),
            0,
            None,
            None,
            tier.ability,
            found,
        )
        for tier in tiers
    ]
    told = tiergate_headers(request_id=arrival.request_id, snapshot=snapshot.id, cache=OFF, attempts=0, cost_usd_nano=0)
    body = write_difficulty(
        canonical.request, question, difficulty(snapshot.references, found, len(question.levels)), found, views
    )
    await send_whole(trail, _OK, [(b"content-type", JSON), *told], body)
    trail.outcome = Outcome.SUCCESS_SCORED
