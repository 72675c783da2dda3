"""Goes through a tenant's kept answers in Redis, to count those selected or to free their memory.

In batches of a fixed size, so that no other client waits for it, and for a limited time: a purge does not rest on it.
What it leaves behind is void, and expires.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.adapters.cache_value import HEAD_BYTES_MAX, Head, read_head
from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_keys import tenant_prefix
from gateway.adapters.redis_link import RedisUnavailable, Reply
from gateway.domain.ids import RouteName
from gateway.domain.purge import Selection, Tally
from gateway.ports import Clock


@dataclass(frozen=True, slots=True)
class RedisSweepSettings:
    """`within_s` bounds the whole, `batch` how many keys Redis goes through at a time."""

    batch: int = 256
    within_s: float = 5.0
    timeout_s: float = 0.5


DEFAULT_SWEEP = RedisSweepSettings()


async def sweep(
    client: RedisClient,
    clock: Clock,
    selection: Selection,
    settings: RedisSweepSettings = DEFAULT_SWEEP,
    *,
    purge: int | None = None,
) -> Tally:
    """Count the answers selected; with the number of a purge, drop those that were asked for before it.

    Raises RedisUnavailable.
    """
    entries, size_bytes, by_route = 0, 0, Counter[RouteName]()
    cursor, due_s = b"0", clock.now_s() + settings.within_s
    prefix = f"{tenant_prefix(selection.tenant)}x:"
    while True:
        if selection.entry is None:
            asked = ("SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", settings.batch)
            cursor, keys = _page(await client.call(*asked, timeout_s=settings.timeout_s))
        else:
            keys = [f"{prefix}{selection.entry}".encode()]
        found = [
            (key, head)
            for key, head in await _heads(client, keys, settings.timeout_s)
            if _is_meant(head, selection, purge)
        ]
        if purge is not None and found:
            await client.call("UNLINK", *(key for key, _ in found), timeout_s=settings.timeout_s)
        entries += len(found)
        size_bytes += sum(head.body_bytes for _, head in found)
        by_route.update(RouteName(head.route) for _, head in found)
        is_complete = cursor == b"0"
        if is_complete or clock.now_s() >= due_s:
            return Tally(entries, size_bytes, is_complete, by_route)


def _is_meant(head: Head, selection: Selection, purge: int | None) -> bool:
    is_older = purge is None or head.purge < purge
    return is_older and selection.holds(head.digest, RouteName(head.route), head.stored_at_s)


def _page(reply: Reply) -> tuple[bytes, list[bytes]]:
    match reply:
        case [bytes() as cursor, list() as keys]:
            return cursor, [key for key in keys if isinstance(key, bytes)]
        case _:
            raise RedisUnavailable("what Redis said to SCAN cannot be read")


async def _heads(client: RedisClient, keys: list[bytes], timeout_s: float) -> Iterator[tuple[bytes, Head]]:
    """Read what is known of these answers, all in one turn; what is none of ours is passed over."""
    calls = [client.call("GETRANGE", key, 0, HEAD_BYTES_MAX - 1, timeout_s=timeout_s) for key in keys]
    values = await asyncio.gather(*calls)
    read = ((key, read_head(value)) for key, value in zip(keys, values, strict=True) if isinstance(value, bytes))
    return ((key, head) for key, head in read if head is not None)
