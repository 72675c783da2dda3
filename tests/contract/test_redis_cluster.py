"""The stores on a cluster of three: whatever one command or script touches lies in one slot, or is refused."""

from gateway.adapters.redis_cache import RedisCache, RedisCacheSettings
from gateway.adapters.redis_ledger import RedisLedger
from gateway.adapters.redis_purges import RedisPurgesSettings
from gateway.domain.flight import Claim
from gateway.domain.identity import CachedAnswer, ExactKey
from gateway.domain.ids import RequestId, RouteName, TenantId
from gateway.domain.ledger import Allowance, Hold, Settlement
from gateway.domain.purge import Selection, Tally
from tests.support.redis_cluster import closing_cluster, cluster_client_of, running_cluster
from tests.support.redis_server import PATIENT_S, MonotonicClock

KEY, OTHER = ExactKey(TenantId("alice"), "a" * 64), ExactKey(TenantId("bob"), "b" * 64)
ANSWER = CachedAnswer(b"{}", "small", "qwen", 1, 1, MonotonicClock().wall_s(), route=RouteName("fast"))
SETTINGS = RedisCacheSettings(
    get_timeout_s=PATIENT_S, purges=RedisPurgesSettings(timeout_s=PATIENT_S, note_timeout_s=PATIENT_S)
)


async def test_answers_are_claimed_kept_purged_and_counted() -> None:
    async with running_cluster() as members, closing_cluster(cluster_client_of(members[0])) as client:
        cache, other = (RedisCache(client, MonotonicClock(), SETTINGS) for _ in range(2))
        for key in (KEY, OTHER):
            assert await cache.claim(key, PATIENT_S) == Claim(None, leads=True)
            assert await other.claim(key, PATIENT_S) == Claim(None, leads=False)
            cache.put(key, ANSWER, 60.0)
        await cache.flush()
        await other.look()
        assert await other.get(KEY) == ANSWER
        assert await cache.count(Selection(KEY.tenant)) == Tally(1, 2)
        assert await cache.purge(Selection(KEY.tenant, RouteName("fast"))) == Tally(1, 2)
        await other.look()
        assert await other.get(KEY) is None
        assert await other.get(OTHER) == ANSWER
        for each in (cache, other):
            await each.aclose()


async def test_the_ledger_holds_and_settles() -> None:
    async with running_cluster() as members, closing_cluster(cluster_client_of(members[0])) as client:
        ledger = RedisLedger(client, clock=MonotonicClock(), chance=lambda: 0.0)
        allowance = Allowance(budget_usd_nano=1_000, requests_per_minute=5, tokens_per_minute=1_000)
        hold = Hold(RequestId("r"), KEY.tenant, allowance, 100, 10, 60.0)
        assert (await ledger.hold(hold)).is_granted
        await ledger.settle(Settlement(hold, 50, 5))
        await ledger.aclose()
