"""What `tiergate doctor` asks beyond this process: Redis, the model servers of a policy, a running gateway."""

import asyncio
import json
import math
from collections.abc import Mapping, Sequence

import httpx

from gateway.adapters.redis_link import Call, Link, RedisRefused, RedisUnavailable, Reply, pack
from gateway.adapters.redis_target import open_link, read_target
from gateway.app.doctor import Finding, Level, fail, ok, warn
from gateway.app.settings import Settings
from gateway.domain.tier import Endpoint, Secret, Tier
from gateway.policy.snapshot import PolicySnapshot
from gateway.ports import Clock

TIMEOUT_S = 2.0
"""For one server. A model list or a PING takes milliseconds wherever a gateway should stand."""

REDIS_MIN = (6, 2)
"""The oldest that the gateway is meant to work with."""

_REDIS_MEND = "check --redis-url, and that this machine may reach it"
_ENDPOINT_MEND = "start it, or mend the endpoint's url in the policy"


class _Asker:
    """Waits on one link; whatever ends it fails what still waits."""

    def on_answers(self, link: Link) -> None:
        """Nothing to note."""

    def on_unusable(self, link: Link, reason: str) -> None:
        self.on_lost(link, reason)
        link.abort()

    def on_lost(self, link: Link, reason: str) -> None:
        while link.waiting:
            link.waiting.popleft().fail(RedisUnavailable(reason))


async def redis(settings: Settings, clock: Clock) -> Finding:
    """Report whether Redis or Valkey answers, which version, how fast, and whether it takes writes."""
    if settings.redis_url is None:
        if settings.workers > 1:
            return warn(
                "redis",
                f"not set: each of {settings.workers} workers keeps budgets, limits and cache of its own",
                "set --redis-url, or serve with one worker",
            )
        return ok("redis", "not set: budgets, limits and the cache are kept in the process")
    try:
        target = read_target(settings.redis_url.reveal())
    except ValueError as error:
        return fail("redis", f"the URL cannot be used: {error}", _REDIS_MEND)
    where = target.where
    try:
        async with asyncio.timeout(TIMEOUT_S):
            link = await open_link(target, _Asker())
            try:
                return await _ask(link, clock, as_cluster=bool(target.nodes))
            finally:
                link.abort()
                await link.closed
    except TimeoutError:
        return fail("redis", f"{where} does not answer within {TIMEOUT_S:g} s", _REDIS_MEND)
    except (OSError, RedisUnavailable) as error:
        return fail("redis", f"{where} cannot be used: {error}", _REDIS_MEND)


async def _ask(link: Link, clock: Clock, *, as_cluster: bool) -> Finding:
    began_s = clock.now_s()
    await _call(link, "PING")
    round_trip = f"round trip {(clock.now_s() - began_s) * 1e3:.2f} ms"
    try:
        told = read_server_facts(await _call(link, "INFO"))
    except RedisRefused:
        return ok("redis", f"answers, {round_trip}; this user may not ask for its version")
    return judge_redis(told, round_trip, as_cluster=as_cluster)


async def _call(link: Link, command: str) -> Reply:
    call = Call(pack((command,)), asyncio.get_running_loop().create_future(), math.inf, 0.0)
    link.send([call])
    reply: Reply = await call.future
    return reply


def read_server_facts(reply: Reply) -> dict[str, str]:
    """Read the answer to INFO."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else ""
    lines = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value.strip() for name, _, value in lines if name}


def judge_redis(told: Mapping[str, str], round_trip: str, *, as_cluster: bool) -> Finding:
    """Judge what a server says of itself, and whether the URL names it as the cluster that it is, or is not."""
    valkey = told.get("valkey_version")
    version = valkey or told.get("redis_version", "")
    what = f"{'Valkey' if valkey else 'Redis'} {version or 'of unknown version'}, {round_trip}"
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers and numbers < REDIS_MIN:
        return fail("redis", f"{what}: too old", "use Redis 6.2 or later, or Valkey")
    if told.get("role") == "slave":
        return fail("redis", f"{what}: a replica, which takes no writes", "name the primary, or redis+sentinel://")
    is_cluster = told.get("cluster_enabled") == "1"
    if is_cluster and not as_cluster:
        what = f"{what}: one server of a cluster, which sends away what others hold"
        return fail("redis", what, "name the cluster: redis+cluster://host:port")
    if as_cluster and not is_cluster and told:
        return fail("redis", f"{what}: no cluster", "name it redis://host:port")
    return ok("redis", what)


async def endpoints(
    snapshot: PolicySnapshot, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
) -> list[Finding]:
    """Report for each model server whether it answers, accepts the key and serves the model."""
    async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=TIMEOUT_S) as client:
        tiers = list(snapshot.tiers.values())
        found = await asyncio.gather(*(_tier(client, tier, clock) for tier in tiers))
    return [finding for findings in found for finding in findings]


async def _tier(client: httpx.AsyncClient, tier: Tier, clock: Clock) -> Sequence[Finding]:
    found = await asyncio.gather(*(_endpoint(client, tier, endpoint, clock) for endpoint in tier.endpoints))
    is_served = any(finding.level is not Level.FAIL for finding in found)
    # One server down among several is what fallbacks are for.
    return [
        warn(finding.subject, finding.what, finding.mend) if is_served and finding.level is Level.FAIL else finding
        for finding in found
    ]


async def _endpoint(client: httpx.AsyncClient, tier: Tier, endpoint: Endpoint, clock: Clock) -> Finding:
    subject = f"endpoint {endpoint.id}"
    began_s = clock.now_s()
    try:
        answer = await client.get(f"{endpoint.base_url}/models", headers=_authorization(endpoint.api_key))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return fail(subject, f"{endpoint.base_url}: {str(error) or type(error).__name__}", _ENDPOINT_MEND)
    what = f"{endpoint.base_url} answers in {(clock.now_s() - began_s) * 1e3:.0f} ms"
    if answer.status_code in {401, 403}:
        mend = "mend the endpoint's api_key in the policy"
        return fail(subject, f"{what}, but refuses the key ({answer.status_code})", mend)
    if answer.status_code != 200:
        return ok(subject, f"{what}; it does not list its models ({answer.status_code})")
    served = served_models(answer.content)
    if served and tier.model not in served:
        mend = f"set tiers.{tier.name}.model to what the server serves"
        return warn(subject, f"{what}, and lists {', '.join(served[:5])}, not {tier.model}", mend)
    return ok(subject, f"{what}{f', serves {tier.model}' if served else ''}")


def _authorization(key: Secret | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key.reveal()}"}


def served_models(raw: bytes) -> list[str]:
    """Read the names from a list of models; none where it is no such list."""
    try:
        document = json.loads(raw)
    except ValueError:
        return []
    match document:
        case {"data": list(entries)}:
            return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]
        case _:
            return []


def is_tiergate(host: str, port: int, transport: httpx.BaseTransport | None = None) -> bool:
    """Tell whether what listens there is a Tiergate."""
    place = f"[{host}]" if ":" in host else host
    try:
        with httpx.Client(transport=transport, trust_env=False, timeout=TIMEOUT_S) as client:
            answer = client.get(f"http://{place}:{port}/health/live")
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.status_code == 200 and answer.content == b'{"status":"live"}'
