"""Commands find the server of their key, also while that changes: on a real cluster of three."""

import asyncio

import pytest

from gateway.adapters.redis_cluster import ClusterClient
from gateway.adapters.redis_link import RedisRefused, RedisUnavailable
from gateway.adapters.redis_slots import slot_of
from gateway.adapters.redis_target import RedisTarget
from tests.support.redis_cluster import closing_cluster, cluster_client_of, replica_of, running_cluster
from tests.support.redis_server import PATIENT_S, MonotonicClock, free_port
from tests.support.waiting import answered, eventually

KEYS = [f"{{{number}}}key" for number in range(30)]


async def fill(client: ClusterClient) -> None:
    calls = [client.call("SET", key, key, timeout_s=PATIENT_S) for key in KEYS]
    assert await asyncio.gather(*calls) == [b"OK"] * len(KEYS)


async def told(client: ClusterClient) -> list[object]:
    return list(await asyncio.gather(*(client.call("GET", key, timeout_s=PATIENT_S) for key in KEYS)))


WRITTEN = [key.encode() for key in KEYS]


async def test_commands_sent_before_anything_is_known_arrive_and_later_ones_need_no_redirection() -> None:
    async with running_cluster() as members, closing_cluster(cluster_client_of(members[0])) as client:
        await fill(client)
        await eventually(lambda: client.stats()["maps_read"] != 0)
        before = client.stats()["redirections"]
        assert before != 0
        assert await told(client) == WRITTEN
        assert client.stats()["redirections"] == before
        assert (client.stats()["servers"], client.stats()["state"]) == (3, "connected")
        assert not client.is_open
        counts = [await member.ask("DBSIZE") for member in members]
        assert all(counts)
        assert sum(count for count in counts if isinstance(count, int)) == len(KEYS)


async def test_a_slot_on_its_way_is_asked_for_where_the_key_is() -> None:
    key = KEYS[0]
    async with running_cluster() as members, closing_cluster(cluster_client_of(*members)) as client:
        await fill(client)
        slot = slot_of(key)
        source, target = members[slot * 3 // 16_384], members[(slot * 3 // 16_384 + 1) % 3]
        await target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", await source.id())
        await source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", await target.id())
        await source.ask("MIGRATE", *target.address, key, 0, int(PATIENT_S * 1_000))
        before = int(client.stats()["redirections"])
        assert await client.call("GET", key, timeout_s=PATIENT_S) == key.encode()
        assert await client.call("GET", key, timeout_s=PATIENT_S) == key.encode()
        assert client.stats()["redirections"] == before + 2
        for member in (target, source):
            await member.ask("CLUSTER", "SETSLOT", slot, "NODE", await target.id())
        for _ in range(2):
            assert await client.call("GET", key, timeout_s=PATIENT_S) == key.encode()
        assert client.stats()["redirections"] == before + 3


async def test_a_lost_primarys_slots_are_its_replicas() -> None:
    async with (
        running_cluster() as members,
        replica_of(members[0]) as replica,
        closing_cluster(cluster_client_of(*members)) as client,
    ):
        await fill(client)
        lost = [key for key in KEYS if slot_of(key) * 3 // 16_384 == 0]
        await replica.until(b"db0:keys=%d," % len(lost), "INFO", "keyspace")
        await eventually(lambda: client.stats()["maps_read"] != 0)
        members[0].server.kill()
        await replica.ask("CLUSTER", "FAILOVER", "TAKEOVER")
        await replica.until(b"role:master", "INFO", "replication")

        async def ask() -> object:
            try:
                return await asyncio.gather(*(client.call("GET", key, timeout_s=0.1) for key in lost))
            except RedisUnavailable as error:
                return error

        wanted = [key.encode() for key in lost]
        await answered(ask, lambda answers: answers == wanted)
        assert await client.call("GET", KEYS[-1], timeout_s=PATIENT_S) == KEYS[-1].encode()


async def test_any_other_refusal_is_passed_on() -> None:
    async with running_cluster() as members, closing_cluster(cluster_client_of(*members)) as client:
        with pytest.raises(RedisRefused) as refused:
            await client.call("UNLINK", "{a}1", "{b}1", timeout_s=PATIENT_S)
        assert refused.value.code == "CROSSSLOT"


async def test_a_cluster_that_is_not_there_is_told_once_and_not_asked_for_ever() -> None:
    heard: list[str | None] = []
    port = free_port()
    target = RedisTarget(host="127.0.0.1", port=port, nodes=(("127.0.0.1", port),))
    client = ClusterClient(target, clock=MonotonicClock(), chance=lambda: 0.5, tell=heard.append)
    async with closing_cluster(client):
        assert client.stats()["state"] == "idle"
        async with asyncio.timeout(PATIENT_S):
            while not client.is_open:
                with pytest.raises(RedisUnavailable):
                    await client.call("GET", "key", timeout_s=0.05)
        assert [str(trouble).partition(": ")[0] for trouble in heard] == [f"127.0.0.1:{port}"]
        assert client.stats()["state"] == "open"
    with pytest.raises(RedisUnavailable, match="closed"):
        await client.call("GET", "key", timeout_s=PATIENT_S)


async def test_all_connections_are_given_up_in_doubt_and_made_anew() -> None:
    async with running_cluster() as members, closing_cluster(cluster_client_of(*members)) as client:
        await fill(client)
        client.distrust("an answer to something else")
        assert client.stats()["last_error"] == "an answer to something else"
        assert await told(client) == WRITTEN
