"""Follow conversations: find where the one that a request goes on with stands, and note where it stands afterwards.

Only what goes on with a conversation is looked up. A first turn costs nothing before its answer, and its standing is
written behind it.
"""

from dataclasses import dataclass

from gateway.core.cache_rules import tenant_secret
from gateway.core.conversation import Turn, conversation_key, is_current
from gateway.domain.conversation import ConversationKey, Standing
from gateway.domain.identity import CacheScope
from gateway.domain.ids import EndpointId
from gateway.domain.request import Operation
from gateway.pipeline.journey import Canonical, Relayed, Trail
from gateway.pipeline.world import World
from gateway.wire.conversation import conversation_identity


@dataclass(slots=True)
class Recalled:
    """What is known of the conversation that a request goes on with.

    `key` None was not looked for, `turn` None not found, or too old. `waited_s` is how long the store took.
    """

    key: ConversationKey | None
    turn: Turn | None
    waited_s: float

    @property
    def standing(self) -> Standing | None:
        """Return where the last turn left it."""
        return None if self.turn is None else self.turn.standing


_NOTHING = Recalled(None, None, 0.0)


async def recall(canonical: Canonical, world: World) -> Recalled:
    """Find the standing of the conversation that a request goes on with. A store in trouble knows nothing."""
    request = canonical.request
    if not request.continues or not _is_followed(canonical):
        return _NOTHING
    key = _key_of(canonical, world)
    began_s = world.clock.now_s()
    standing = await world.conversations.get(key)
    waited_s = world.clock.now_s() - began_s
    terms = canonical.route.conversation
    if standing is None or not is_current(standing, terms, world.clock.wall_s()):
        return Recalled(key, None, waited_s)
    return Recalled(key, Turn(standing, terms, request.in_tool_loop, request.input_tokens), waited_s)


def follow(trail: Trail, world: World) -> None:
    """Note where a conversation stands after an answer, or after as much of one as its server made.

    At once: the next step of a tool loop may come within milliseconds. The client has its answer by now.
    """
    canonical, decided, relayed = trail.canonical, trail.decided, trail.relayed
    if canonical is None or decided is None or relayed is None or relayed.tier is None:
        return
    ttl_s = canonical.route.conversation.idle_reset_s
    if ttl_s is None or not _is_followed(canonical):
        return
    note, before = decided.decision.conversation, decided.standing
    standing = Standing(
        relayed.tier.name,
        _answered_by(relayed),
        relayed.usage.total_tokens,
        0 if note is None else note.easy_turns,
        world.clock.wall_s(),
        before is not None and (before.is_mixed or before.tier != relayed.tier.name),
    )
    world.conversations.put(decided.conversation or _key_of(canonical, world), standing, ttl_s)


def _answered_by(relayed: Relayed) -> EndpointId:
    return next(attempt.endpoint for attempt in relayed.attempts if attempt.first_content_ms is not None)


def _is_followed(canonical: Canonical) -> bool:
    """Tell whether there is something to remember: a chat, and more than one server to send its next turn to."""
    route = canonical.route
    if route.conversation.idle_reset_s is None or canonical.request.operation is not Operation.CHAT:
        return False
    tiers = canonical.tiers
    return len(route.tiers) > 1 or len(tiers[route.tiers[0]].endpoints) > 1


def _key_of(canonical: Canonical, world: World) -> ConversationKey:
    tenant = canonical.admitted.key.tenant.id
    scope = CacheScope(tenant, tenant_secret(world.cache_master, tenant))
    identity = conversation_identity(canonical.admitted.arrival.inbound.headers, canonical.request)
    return conversation_key(scope, canonical.route.name.encode() + b"\0" + identity)
