"""Scripts by their digest."""

from collections.abc import Iterator

import pytest

from gateway.adapters.redis_link import RedisRefused, RedisUnavailable
from gateway.adapters.redis_script import RedisScript
from tests.support.redis_server import PATIENT_S, RedisServer, client_of, closing, running_redis

NO_LIMITS = ("p:", "name", 0, 0, 1_000, "", 60, "", "", 60, 16, 1_000)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


async def test_the_whole_script_is_sent_only_to_a_server_that_does_not_know_it(server: RedisServer) -> None:
    script = RedisScript("hold")
    async with closing(client_of(server)) as client:
        for calls in (2, 3, 4):
            keys = (f"record-{calls}", "holds")
            answer = await script.run(client, keys, NO_LIMITS, PATIENT_S)
            assert answer == [b"", b"0", b"", keys[0].encode()]
            assert client.stats()["calls"] == calls


async def test_any_other_refusal_is_passed_on_and_nothing_is_sent_twice(server: RedisServer) -> None:
    script = RedisScript("hold")
    async with closing(client_of(server)) as client:
        await script.run(client, ("record", "holds"), NO_LIMITS, PATIENT_S)
        await client.call("SET", "wrong", "a string", timeout_s=PATIENT_S)
        calls_before = client.stats()["calls"]
        with pytest.raises(RedisRefused, match="WRONGTYPE"):
            await script.run(client, ("wrong", "holds"), NO_LIMITS, PATIENT_S)
        assert client.stats()["calls"] == int(calls_before) + 1


async def test_a_script_that_takes_too_long_is_unavailable(server: RedisServer) -> None:
    async with closing(client_of(server)) as client:
        await client.call("PING", timeout_s=PATIENT_S)
        server.freeze()
        with pytest.raises(RedisUnavailable, match="in time"):
            await RedisScript("settle").run(client, ("record", "holds"), ("p:", 0, 0, "", 1), 0.005)


async def test_who_will_not_hear_of_it_sends_the_whole_script_at_once(server: RedisServer) -> None:
    script = RedisScript("hold")
    async with closing(client_of(server)) as client:
        answer = await client.call(*script.whole(("record", "holds"), NO_LIMITS), timeout_s=PATIENT_S)
        assert answer == [b"", b"0", b"", b"record"]
        assert client.stats()["calls"] == 1
