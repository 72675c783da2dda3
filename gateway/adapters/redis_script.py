"""Lua scripts by their digest, sent whole only to a server that does not know them yet."""

import asyncio
import hashlib
from importlib.resources import files

from gateway.adapters.redis_client import RedisClient
from gateway.adapters.redis_link import Argument, RedisRefused, Reply


class RedisScript:
    """One script, run in one step by the server. `name` is a file beside this module, in `lua/`."""

    def __init__(self, name: str) -> None:
        self._source = files("gateway.adapters").joinpath("lua", f"{name}.lua").read_text("utf-8")
        self._digest = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    def whole(self, keys: tuple[str, ...], arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
        """Return the command that runs the script on any server, for who will not hear that it was not known there."""
        return ("EVAL", self._source, len(keys), *keys, *arguments)

    async def run(
        self,
        client: RedisClient,
        keys: tuple[str, ...],
        arguments: tuple[Argument, ...],
        timeout_s: float,
    ) -> Reply:
        """Run the script. Raises RedisUnavailable at the latest `timeout_s` from now."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            return await client.call("EVALSHA", self._digest, len(keys), *keys, *arguments, timeout_s=timeout_s)
        except RedisRefused as refusal:
            if refusal.code != "NOSCRIPT":
                raise
        # This happens once after each start of the server, and whoever waits has no more time for it than before.
        left_s = max(0.0, timeout_s - (loop.time() - began_s))
        return await client.call("EVAL", self._source, len(keys), *keys, *arguments, timeout_s=left_s)
