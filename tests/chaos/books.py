"""Redis as the chaos sees it: what can be done to it beyond killing it, and whether its ledger's books balance."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import redis as redis_client

from tests.support.redis_server import RedisServer

_SUMS = """
local posted, held, open, charged, ids = 0, 0, 0, 0, {}
for _, key in ipairs(redis.call('KEYS', '*l:b:*')) do
    local window = redis.call('HMGET', key, 'posted', 'held')
    posted, held = posted + tonumber(window[1] or 0), held + tonumber(window[2] or 0)
end
for _, key in ipairs(redis.call('KEYS', '*l:h')) do
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
        open = open + tonumber(string.match(member, '^%d+'))
        table.insert(ids, string.match(member, '[^|]+$'))
    end
end
for _, key in ipairs(redis.call('KEYS', '*l:r:*')) do
    charged = charged + tonumber(redis.call('HGET', key, 'charge') or 0)
end
return {string.format('%.0f', posted), string.format('%.0f', held), string.format('%.0f', open),
        string.format('%.0f', charged), ids}
"""
"""One script, so that no step of the ledger lies within what is read."""


@dataclass(frozen=True, slots=True)
class Books:
    """The ledger at one instant, over all tenants with a budget; amounts in nano-USD."""

    at_s: float
    posted_usd_nano: int
    """What the windows say was spent."""
    charged_usd_nano: int
    """What the settled requests were charged."""
    held_usd_nano: int
    """What the windows say is held."""
    open_usd_nano: int
    """What the open holds come to."""
    open_ids: tuple[str, ...]
    """The requests that have not settled."""


def read_books(server: RedisServer, at_s: float) -> Books:
    """Read the ledger."""
    with _asking(server) as client:
        posted, held, open_holds, charged, ids = cast("list[Any]", client.eval(_SUMS, 0))
    names = tuple(sorted(name.decode() for name in ids))
    return Books(at_s, int(posted), int(charged), int(held), int(open_holds), names)


def pause_redis(server: RedisServer, seconds: float) -> None:
    """Let Redis keep every command of every client waiting for a while (`CLIENT PAUSE`)."""
    with _asking(server) as client:
        client.client_pause(int(seconds * 1e3))


def forget_scripts(server: RedisServer) -> None:
    """Let Redis forget every script (`SCRIPT FLUSH`), as after a failover."""
    with _asking(server) as client:
        client.script_flush()


@contextmanager
def _asking(server: RedisServer) -> Iterator["redis_client.Redis"]:
    client = redis_client.Redis(unix_socket_path=server.path)
    try:
        yield client
    finally:
        client.close()
