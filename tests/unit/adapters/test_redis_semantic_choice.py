"""What a server says of what it can do."""

import asyncio
from collections.abc import Mapping

import pytest

from gateway.adapters.redis_link import Argument, RedisRefused, RedisUnavailable, Reply
from gateway.adapters.redis_semantic_choice import offered
from gateway.adapters.semantic_ways import SERVER_SEARCHES, ServerSearch

BOTH = SERVER_SEARCHES["redis"]
KNOWN: Reply = [b"VSIM", -1]


class Says:
    """A client of a server that says the same to everything."""

    is_open = False

    def __init__(self, reply: "Reply | RedisUnavailable") -> None:
        self.asked: list[tuple[Argument, ...]] = []
        self._reply = reply

    def call(self, *command: Argument, timeout_s: float) -> "asyncio.Future[Reply]":
        self.asked.append(command)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if isinstance(self._reply, RedisUnavailable):
            future.set_exception(self._reply)
        else:
            future.set_result(self._reply)
        return future

    def distrust(self, reason: str) -> None: ...

    def stats(self) -> Mapping[str, int | str]:
        return {}

    async def aclose(self) -> None: ...


@pytest.mark.parametrize(
    ("reply", "ways"),
    [
        ([KNOWN, KNOWN], [ServerSearch.VSET, ServerSearch.FT]),
        ([None, KNOWN], [ServerSearch.FT]),
        ([None, None], []),
        (b"nonsense", []),
        (RedisRefused("NOPERM this user has no permissions to run the 'command' command"), []),
        (RedisRefused("ERR unknown command 'COMMAND'"), []),
    ],
)
async def test_what_is_known_to_the_server_is_offered(
    reply: "Reply | RedisUnavailable", ways: list[ServerSearch]
) -> None:
    client = Says(reply)
    assert await offered(client, BOTH, 1.0) == ways
    assert client.asked == [("COMMAND", "INFO", "VSIM", "FT.SEARCH")]


async def test_a_server_that_is_busy_has_not_said_what_it_can_do() -> None:
    with pytest.raises(RedisUnavailable):
        await offered(Says(RedisRefused("BUSY Redis is busy running a script")), BOTH, 1.0)


async def test_where_nothing_would_do_nothing_is_asked() -> None:
    client = Says([])
    assert await offered(client, (), 1.0) == []
    assert client.asked == []
