"""The Redis in memory answers as Valkey does, command by command, in every form in which the gateway sends one."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import TypeAlias

import pytest

from gateway.adapters.redis_link import Argument, RedisRefused, Reply
from gateway.adapters.redis_turn import TurnClient
from tests.support.redis_commands import COMMANDS
from tests.support.redis_in_memory import RedisInMemory
from tests.support.redis_server import PATIENT_S, RedisServer, client_of, closing, running_redis
from tests.support.redis_socket import SIMULATED, server_for

Answer: TypeAlias = "Reply | str"
KEYS = ("one", "two", "three")
FIELDS = ("a", "b", "c")
LONG_MS = 10**9
ON_A_FULL_SERVER = "redis.call('ZREM', KEYS[1], 'nobody'); return redis.call('HINCRBY', KEYS[2], 'f', 1)"
"""A script that has written may grow."""
CONVERSIONS = (
    "return {1, 2.9, 'a', false, 'behind a hole'}",
    "return redis.call('HMGET', KEYS[1], 'absent')[1] == false",
    "return {redis.call('SET', KEYS[1], ARGV[1]), redis.call('GETRANGE', KEYS[1], 0, 9)}",
    "return {redis.call('SET', KEYS[1], 12).ok, redis.call('GETRANGE', KEYS[1], 0, 30)}",
    "return {redis.call('SET', KEYS[1], 0.1), redis.call('GETRANGE', KEYS[1], 0, 30)}",
    "return redis.call('HSET', KEYS[1], 'f', 1)",
    "return true",
    "return nil",
    "local found = {} for word in string.gmatch('1|2|3', '%d+') do found[#found + 1] = word end return found",
)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@asynccontextmanager
async def both(server: RedisServer) -> AsyncIterator[tuple[TurnClient, TurnClient]]:
    async with (
        server_for(SIMULATED, server) as simulated,
        closing(client_of(server)) as real_client,
        closing(client_of(simulated)) as client,
    ):
        yield real_client, client


async def said(client: TurnClient, command: Sequence[Argument]) -> Answer:
    """Return the answer, or the code of the error that was answered."""
    try:
        return await client.call(*command, timeout_s=PATIENT_S)
    except RedisRefused as error:
        return error.code


def drawn(draws: Random) -> tuple[Argument, ...]:
    """Draw a command of any type on any key."""
    key, field, number = draws.choice(KEYS), draws.choice(FIELDS), draws.randrange(-3, 4)
    return draws.choice(
        (
            ("SET", key, b"\x00\xff value %d" % number, "PX", LONG_MS),
            ("SET", key, f"{number}", "EX", LONG_MS),
            ("SET", key, f"{number}", "EX", LONG_MS, "GET"),
            ("SET", key, "for ever"),
            ("GETRANGE", key, 0, 4),
            ("GETRANGE", key, 2, 1_000),
            ("GET", key),
            ("HGETALL", key),
            ("HLEN", key),
            ("UNLINK", key),
            ("UNLINK", key),
            ("EXISTS", key),
            ("HSET", key, field, number, "other", "x"),
            ("HMGET", key, *FIELDS),
            ("HEXISTS", key, field),
            ("HDEL", key, field, "other"),
            ("HINCRBY", key, "count", number),
            ("ZADD", key, number, field),
            ("ZREM", key, field),
            ("ZRANGEBYSCORE", key, "-inf", number, "LIMIT", 0, 2),
            ("SADD", key, field),
            ("PEXPIRE", key, LONG_MS),
            ("PEXPIRE", key, 0),
            ("EXPIRE", key, LONG_MS),
            ("PING",),
        )
    )


@pytest.mark.parametrize("seed", range(8))
async def test_any_commands_are_answered_alike(seed: int, server: RedisServer) -> None:
    draws = Random(seed)
    async with both(server) as (real, simulated):
        for _ in range(300):
            command = drawn(draws)
            assert await said(simulated, command) == await said(real, command), command
        for key in KEYS:
            members = [await said(each, ("SMEMBERS", key)) for each in (real, simulated)]
            assert _sorted(members[0]) == _sorted(members[1])


async def test_times_to_live_and_the_clock_are_told_alike(server: RedisServer) -> None:
    async with both(server) as clients:
        for client in clients:
            assert await said(client, ("PTTL", "absent")) == -2
            await said(client, ("SET", "key", "value"))
            assert await said(client, ("PTTL", "key")) == -1
            await said(client, ("EXPIRE", "key", 1_000))
            left_ms = await said(client, ("PTTL", "key"))
            assert isinstance(left_ms, int)
            assert 900_000 < left_ms <= 1_000_000
        times = [await said(client, ("TIME",)) for client in clients]
        seconds = [int(time[0]) for time in times if isinstance(time, list) and isinstance(time[0], bytes)]
        assert abs(seconds[0] - seconds[1]) <= PATIENT_S


async def test_keys_are_found_by_how_they_begin_alike(server: RedisServer) -> None:
    told = []
    async with both(server) as clients:
        for client in clients:
            for name in ("tg:{a}:1", "tg:{a}:2", "tg:{b}:1", "other"):
                await said(client, ("SET", name, "value"))
            page = await said(client, ("SCAN", b"0", "MATCH", "tg:{a}:*", "COUNT", 1_000))
            assert isinstance(page, list)
            told.append((page[0], _sorted(page[1] if isinstance(page[1], list) else None)))
    assert told[0] == told[1] == (b"0", [b"tg:{a}:1", b"tg:{a}:2"])


@pytest.mark.parametrize("maxlen", [("MAXLEN", 5), ("MAXLEN", "~", 5)], ids=["exactly", "about"])
async def test_streams_are_told_alike(maxlen: tuple[Argument, ...], server: RedisServer) -> None:
    told = []
    async with both(server) as clients:
        for client in clients:
            assert await said(client, ("XRANGE", "s", "(0-0", "+", "COUNT", 10)) == []
            assert await said(client, ("XREVRANGE", "s", "+", "-", "COUNT", 1)) == []
            ids = [await said(client, ("XADD", "s", *maxlen, "*", "n", number)) for number in range(12)]
            after = ids[-3]
            assert isinstance(after, bytes)
            newest = await said(client, ("XREVRANGE", "s", "+", "-", "COUNT", 2))
            later = await said(client, ("XRANGE", "s", b"(" + after, "+", "COUNT", 10))
            all_there = await said(client, ("XRANGE", "s", "(0-0", "+", "COUNT", 100))
            some = await said(client, ("XRANGE", "s", "(0-0", "+", "COUNT", 2))
            told.append([_fields(entries) for entries in (newest, later, all_there, some)])
    assert told[0] == told[1]


@pytest.mark.parametrize("script", CONVERSIONS)
async def test_scripts_give_alike(script: str, server: RedisServer) -> None:
    async with both(server) as (real, simulated):
        command = ("EVAL", script, 1, "key", "an argument")
        assert await said(simulated, command) == await said(real, command)


async def test_a_script_is_known_by_its_digest_until_it_is_forgotten(server: RedisServer) -> None:
    redis = RedisInMemory(lambda: 0)
    digest = redis.scripts.learn(b"return ARGV[1]")
    assert redis.answer([b"EVALSHA", digest, b"0", b"word"]) == b"$4\r\nword\r\n"
    redis.scripts.forget()
    async with closing(client_of(server)) as real:
        refusal = await said(real, ("EVALSHA", digest, 0, "word"))
        assert isinstance(refusal, str)
    assert redis.answer([b"EVALSHA", digest, b"0", b"word"]).startswith(f"-{refusal} ".encode())


async def test_a_full_server_refuses_what_grows_alike(server: RedisServer) -> None:
    redis = RedisInMemory(lambda: 0)
    redis.is_full = True
    async with closing(client_of(server)) as real:
        await said(real, ("CONFIG", "SET", "maxmemory", 1))
        for name, known in COMMANDS.items():
            if known.grows:
                answer = await said(real, _form(name.decode()))
                assert (answer, redis.answer(_sent(_form(name.decode())))[:5]) == ("OOM", b"-OOM "), name
        for script in (ON_A_FULL_SERVER, "return redis.call('HINCRBY', KEYS[2], 'f', 1)"):
            answer = await said(real, ("EVAL", script, 2, "z", "h"))
            expected = b"-OOM" if answer == "OOM" else b":%d\r\n" % int(str(answer))
            assert redis.answer(_sent(("EVAL", script, 2, "z", "h"))).startswith(expected)
        assert await said(real, ("UNLINK", "h")) == 1
        assert redis.answer([b"UNLINK", b"h"]) == b":1\r\n"


async def test_a_replica_refuses_what_writes_alike(server: RedisServer) -> None:
    redis = RedisInMemory(lambda: 0)
    redis.is_replica = True
    async with closing(client_of(server, failures=1_000)) as real:
        await said(real, ("REPLICAOF", "127.0.0.1", 1))
        for name, known in COMMANDS.items():
            answer = await said(real, _form(name.decode()))
            assert (answer == "READONLY") == known.writes, name
            assert redis.answer(_sent(_form(name.decode()))).startswith(b"-READONLY") == known.writes, name
        assert await said(real, ("EVAL", "return redis.call('HSET', KEYS[1], 'f', 1)", 1, "h")) == "READONLY"
        script = ("EVAL", "return redis.call('HSET', KEYS[1], 'f', 1)", 1, "h")
        assert redis.answer(_sent(script)).startswith(b"-READONLY")


def test_a_server_that_is_loading_answers_nothing_else() -> None:
    redis = RedisInMemory(lambda: 0)
    redis.is_loading = True
    assert redis.answer([b"PING"]).startswith(b"-LOADING")


def test_a_command_that_is_not_known_is_an_error_and_is_noted() -> None:
    redis = RedisInMemory(lambda: 0)
    assert redis.answer([b"BLPOP", b"key", b"0"]).startswith(b"-ERR unknown command")
    assert redis.unknown == ["BLPOP"]


def test_a_value_is_gone_when_its_time_is_over() -> None:
    now_us = [0]
    redis = RedisInMemory(lambda: now_us[0])
    redis.answer([b"SET", b"key", b"value", b"PX", b"100"])
    redis.answer([b"SET", b"other", b"value"])
    now_us[0] = 99_999
    assert redis.answer([b"EXISTS", b"key"]) == b":1\r\n"
    now_us[0] = 100_000
    assert redis.answer([b"GETRANGE", b"key", b"0", b"9"]) == b"$0\r\n\r\n"
    assert redis.keys.names() == [b"other"]


def test_entries_are_never_older_than_those_before_them_whatever_the_clock() -> None:
    now_us = [5_000_000]
    redis = RedisInMemory(lambda: now_us[0])
    add = [b"XADD", b"s", b"MAXLEN", b"9", b"*", b"n", b"1"]
    assert redis.answer(add) == b"$6\r\n5000-0\r\n"
    now_us[0] = 1_000_000
    assert redis.answer(add) == b"$6\r\n5000-1\r\n"


def _form(name: str) -> tuple[Argument, ...]:
    """Return a form in which a command is sent."""
    forms: dict[str, tuple[Argument, ...]] = {
        "PING": (), "TIME": (), "FLUSHALL": (), "SET": ("k", "v"), "GETRANGE": ("k", 0, 9), "UNLINK": ("u",),
        "EXISTS": ("k",), "PEXPIRE": ("k", 1_000), "EXPIRE": ("k", 1), "PTTL": ("k",), "HSET": ("h2", "f", "1"),
        "GET": ("k",), "SCAN": ("0", "MATCH", "k*", "COUNT", 9), "HGETALL": ("h2",), "HLEN": ("h2",),
        "HMGET": ("h2", "f"), "HEXISTS": ("h2", "f"), "HDEL": ("h2", "f"), "HINCRBY": ("h2", "f", 1),
        "ZADD": ("z2", 1, "m"), "ZREM": ("z2", "m"), "ZRANGEBYSCORE": ("z2", "-inf", 1, "LIMIT", 0, 1),
        "SADD": ("s2", "m"), "SMEMBERS": ("s2",), "XADD": ("x", "MAXLEN", 9, "*", "f", "v"),
        "XRANGE": ("x", "(0-0", "+", "COUNT", 1), "XREVRANGE": ("x", "+", "-", "COUNT", 1),
    }  # fmt: skip
    return (name, *forms[name])


def _sent(command: Sequence[Argument]) -> list[bytes]:
    return [word if isinstance(word, bytes) else str(word).encode() for word in command]


def _sorted(reply: Answer) -> object:
    return sorted(each for each in reply if isinstance(each, bytes)) if isinstance(reply, list) else reply


def _fields(reply: Answer) -> list[object]:
    """Return the entries of a stream without their ids, which are times."""
    assert isinstance(reply, list)
    return [entry[1] for entry in reply if isinstance(entry, list)]
