"""Pairing replies with calls, and giving up a server which is none, or cannot serve."""

import pytest

from gateway.adapters.redis_link import RedisRefused, RedisUnavailable, pack
from gateway.adapters.redis_target import RedisTarget
from tests.support.redis_server import PATIENT_S, client_of, closing, open_breaker, scripted_listener


def test_a_command_is_packed_with_the_length_of_every_argument() -> None:
    assert pack(("SET", b"a\r\n", 15)) == b"*3\r\n$3\r\nSET\r\n$3\r\na\r\n\r\n$2\r\n15\r\n"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"+PONG\r\n+PONG\r\n+PONG\r\n"])
async def test_a_server_that_speaks_otherwise_is_given_up(answer: bytes) -> None:
    async with (
        scripted_listener(answer) as (host, port),
        closing(client_of(RedisTarget(host=host, port=port))) as client,
    ):
        await open_breaker(client)


@pytest.mark.parametrize("refusal", [b"-LOADING the data set\r\n", b"-READONLY replica\r\n"])
async def test_a_server_that_cannot_serve_is_left_for_another(refusal: bytes) -> None:
    # The greeting's PING is answered; what follows meets the refusal.
    async with (
        scripted_listener(b"+PONG\r\n", refusal) as (host, port),
        closing(client_of(RedisTarget(host=host, port=port), open_s=60.0)) as client,
    ):
        with pytest.raises(RedisRefused):
            await client.call("SET", "key", "value", timeout_s=PATIENT_S)
        assert (client.stats()["state"], client.stats()["failures"]) == ("idle", 1)


async def test_an_endless_reply_is_cut_off() -> None:
    endless = b"$99999999\r\n" + b"x" * (9 * 1024 * 1024)
    async with (
        scripted_listener(b"+PONG\r\n", endless) as (host, port),
        closing(client_of(RedisTarget(host=host, port=port), failures=1, open_s=60.0)) as client,
    ):
        with pytest.raises(RedisUnavailable, match="a reply of more than"):
            await client.call("GET", "key", timeout_s=PATIENT_S)
