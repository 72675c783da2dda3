"""Slots, and what a cluster says of them."""

import pytest

from gateway.adapters.redis_link import Argument, RedisRefused, Reply
from gateway.adapters.redis_slots import Redirection, SlotRange, key_in, redirection_in, slot_of, slot_ranges

ASKED = ("asked", 7000)


@pytest.mark.parametrize(
    ("key", "slot"),
    [
        ("123456789", 0x31C3),
        ("foo", 12_182),
        ("{foo}bar", 12_182),
        (b"a{foo}b{c}", 12_182),
        ("{}foo", 9_500),
        (1, 9_842),
    ],
)
def test_the_slot_is_by_what_stands_in_the_first_braces(key: Argument, slot: int) -> None:
    assert slot_of(key) == slot


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("GET", "a"), "a"),
        (("EVALSHA", "digest", 2, "a", "b"), "a"),
        (("SCAN", b"0", "MATCH", "tg:{t}:x:*", "COUNT", 10), "tg:{t}:x:*"),
        (("PING",), None),
        (("EVAL", "script", 0), None),
    ],
)
def test_the_key_of_a_command(command: tuple[Argument, ...], key: Argument | None) -> None:
    assert key_in(command) == key


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("MOVED 12182 10.0.0.1:7001", Redirection(("10.0.0.1", 7001), is_lasting=True)),
        ("ASK 12182 fe80::1:7001", Redirection(("fe80::1", 7001), is_lasting=False)),
        ("MOVED 12182 :7001", Redirection(("asked", 7001), is_lasting=True)),
        ("MOVED 12182", None),
        ("MOVED 12182 host:port", None),
        ("WRONGTYPE 1 host:7001", None),
    ],
)
def test_a_redirection_names_a_server(said: str, found: Redirection | None) -> None:
    assert redirection_in(RedisRefused(said), ASKED) == found


def test_a_map_is_read_as_far_as_it_can_be() -> None:
    reply: Reply = [
        [0, 5460, [b"10.0.0.1", 7001, b"id"], [b"10.0.0.4", 7004, b"id"]],
        [5461, 10_922, [b"", 7002, b"id"]],
        [10_923, 16_383, [None, 7003]],
        [16_384, 20_000, [b"10.0.0.9", 7009]],
        b"nonsense",
    ]
    assert list(slot_ranges(reply, ASKED)) == [
        SlotRange(0, 5460, ("10.0.0.1", 7001)),
        SlotRange(5461, 10_922, ("asked", 7002)),
        SlotRange(10_923, 16_383, ("asked", 7003)),
    ]
    assert list(slot_ranges(None, ASKED)) == []
