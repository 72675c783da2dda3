"""Which server of a cluster a command is for, and what a cluster says of that (Redis Cluster specification).

A key lies in one of 16,384 slots, by the CRC of what stands between its first braces. Each slot is one server's; others
answer with where to go: `MOVED slot host:port` for good, `ASK slot host:port` for this once.
"""

from binascii import crc_hqx
from collections.abc import Iterator
from typing import Final, TypeAlias

from gateway.adapters.redis_link import Argument, RedisRefused, Reply
from gateway.domain.noun import noun

SLOTS: Final = 16_384
Address: TypeAlias = tuple[str, int]
"""Host and port."""

_KEY_AT: Final = {"EVAL": 3, "EVALSHA": 3, "SCAN": 3}
"""Where a command's first key stands, if not behind its name. A scan is for where the keys of its pattern lie."""


@noun
class Redirection:
    """Where a command should have gone. `is_lasting` of the whole slot from now on, otherwise of this command alone."""

    address: Address
    is_lasting: bool


@noun
class SlotRange:
    """The slots from `first` to `last`, both included, are this server's."""

    first: int
    last: int
    address: Address


def slot_of(key: Argument) -> int:
    """Return the slot of a key."""
    name = key if isinstance(key, bytes) else str(key).encode()
    begin = name.find(b"{")
    end = name.find(b"}", begin + 1) if begin >= 0 else -1
    tag = name[begin + 1 : end] if end > begin + 1 else name
    return crc_hqx(tag, 0) % SLOTS


def key_in(command: tuple[Argument, ...]) -> Argument | None:
    """Return the first key that a command touches; None for one that touches none."""
    at = _KEY_AT.get(str(command[0]), 1)
    return command[at] if at < len(command) else None


def redirection_in(refusal: RedisRefused, asked: Address) -> Redirection | None:
    """Read an error reply; None for one that sends nowhere. A server that does not know its host names it `asked`'s."""
    words = str(refusal).split()
    if refusal.code not in ("MOVED", "ASK") or len(words) < 3:
        return None
    host, _, port = words[2].rpartition(":")
    if not port.isdecimal():
        return None
    return Redirection((host or asked[0], int(port)), is_lasting=refusal.code == "MOVED")


def slot_ranges(reply: Reply, asked: Address) -> Iterator[SlotRange]:
    """Read the answer to CLUSTER SLOTS; what cannot be read is passed over, and found out by redirections."""
    for entry in reply if isinstance(reply, list) else ():
        match entry:
            case [int(first), int(last), [bytes(host), int(port), *_], *_] if 0 <= first <= last < SLOTS:
                yield SlotRange(first, last, (host.decode("utf-8", "replace") or asked[0], port))
            case [int(first), int(last), [None, int(port), *_], *_] if 0 <= first <= last < SLOTS:
                yield SlotRange(first, last, (asked[0], port))
