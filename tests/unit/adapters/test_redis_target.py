"""What a Redis URL means."""

import ssl

import pytest

from gateway.adapters.redis_link import RedisUnavailable
from gateway.adapters.redis_target import RedisTarget, read_target
from tests.support.redis_server import PATIENT_S, client_of, closing, free_port, running_sentinel


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("redis://", RedisTarget()),
        ("redis://cache:7000/3", RedisTarget(host="cache", port=7000, db=3)),
        ("redis://:s%40fe@cache", RedisTarget(host="cache", password="s@fe")),
        ("redis://me:safe@cache?db=2", RedisTarget(host="cache", username="me", password="safe", db=2)),
        ("unix:///run/redis.sock?db=1", RedisTarget(path="/run/redis.sock", db=1)),
        (
            "redis+sentinel://me:safe@one,two:7001/main?db=4",
            RedisTarget(
                username="me", password="safe", db=4, sentinels=(("one", 26379), ("two", 7001)), service="main"
            ),
        ),
        (
            "redis+cluster://me:safe@one,two:7001",
            RedisTarget(host="one", username="me", password="safe", nodes=(("one", 6379), ("two", 7001))),
        ),
    ],
)
def test_a_url_names_the_server_and_the_greeting(url: str, target: RedisTarget) -> None:
    assert read_target(url) == target


def test_rediss_checks_the_servers_certificate_and_name() -> None:
    for url in ("rediss://cache", "rediss+cluster://cache"):
        target = read_target(url)
        assert target.tls is not None
        assert target.tls.verify_mode is ssl.CERT_REQUIRED
        assert target.tls.check_hostname


@pytest.mark.parametrize(
    "url",
    [
        "http://cache",
        "cache:6379",
        "unix://",
        "redis://cache?ssl_nonsense=1",
        "redis+sentinel://one/",
        "redis+sentinel:///main",
        "redis+cluster://",
        "redis+cluster://one,,two",
        "redis+cluster://one/3",
    ],
)
def test_a_url_that_cannot_be_used_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match=r"Redis|sentinel|cluster"):
        read_target(url)


def test_the_greeting_says_who_we_are_before_anything_else() -> None:
    assert read_target("redis://cache").greeting() == [("PING",)]
    greeting = read_target("redis://me:safe@cache/5").greeting()
    assert greeting == [("AUTH", "me", "safe"), ("SELECT", 5), ("PING",)]
    assert read_target("redis://:safe@cache").greeting()[0] == ("AUTH", "safe")


def test_a_target_never_prints_its_password() -> None:
    for url in ("redis://me:safe@cache", "unix://me:safe@/run/redis.sock", "redis+sentinel://me:safe@one/main"):
        assert "safe" not in repr(read_target(url))


async def test_a_sentinel_is_asked_where_the_primary_is() -> None:
    with running_sentinel("main") as (port, primary_port):
        async with closing(client_of(read_target(f"redis+sentinel://127.0.0.1:{port}/main?db=2"))) as client:
            assert await client.call("SET", "key", "value", timeout_s=PATIENT_S) == b"OK"
        async with closing(client_of(read_target(f"redis://127.0.0.1:{primary_port}/2"))) as direct:
            assert await direct.call("GET", "key", timeout_s=PATIENT_S) == b"value"


async def test_sentinels_that_do_not_answer_or_know_nothing_are_a_failure_with_a_reason() -> None:
    with running_sentinel("main") as (port, _):
        for url in (f"redis+sentinel://127.0.0.1:{port}/other", f"redis+sentinel://127.0.0.1:{free_port()}/main"):
            async with closing(client_of(read_target(url))) as client:
                with pytest.raises(RedisUnavailable, match="no sentinel knows"):
                    await client.call("PING", timeout_s=PATIENT_S)
