"""What `tiergate doctor` asks of what finds like questions: whether the server can do it as the settings want it to."""

from gateway.adapters.redis_link import RedisUnavailable
from gateway.adapters.redis_semantic_choice import offered
from gateway.adapters.redis_target import read_target
from gateway.adapters.semantic_ways import IN_PROCESS
from gateway.app.doctor import Finding, fail, ok, warn
from gateway.app.doctor_network import TIMEOUT_S
from gateway.app.semantic_search import MEND, ways_of
from gateway.app.settings import Settings
from gateway.app.stores import redis_client
from gateway.ports import Clock

_SUBJECT = "semantic index"


async def semantic_index(settings: Settings, clock: Clock) -> list[Finding]:
    """Report how like questions are found. What keeps Redis from answering at all is reported by itself."""
    wanted = settings.semantic_index
    if wanted == IN_PROCESS:
        return [ok(_SUBJECT, "each worker finds like questions in its own memory")]
    if settings.redis_url is None:
        return [fail(_SUBJECT, f"{wanted} needs a server that searches", "set --redis-url")]
    try:
        target = read_target(settings.redis_url.reveal())
    except ValueError:
        return []
    ways = ways_of(settings, target)
    if not ways:
        mend = "set --semantic-index redis-vset, or process"
        return [warn(_SUBJECT, f"{wanted} is for a single server, so each worker looks in its own memory", mend)]
    client = redis_client(target, clock, lambda _trouble: None)
    try:
        found = await offered(client, ways, TIMEOUT_S)
    except RedisUnavailable:
        return []
    finally:
        await client.aclose()
    if not found:
        return [warn(_SUBJECT, f"the server has no {' or '.join(ways)}: each worker looks in its own memory", MEND)]
    return [ok(_SUBJECT, f"the server finds like questions: {found[0]}")]
