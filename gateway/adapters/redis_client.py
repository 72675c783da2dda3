"""What the stores ask of a connection to Redis, be it to one server or to a cluster of them."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from gateway.adapters.redis_link import Argument, Reply


class RedisClient(Protocol):
    """Carries commands out, each within its own time."""

    def call(self, *command: Argument, timeout_s: float) -> "asyncio.Future[Reply]":
        """Send a command with the others of this turn.

        Raises RedisUnavailable at once when Redis is known to be down. The future ends with the reply, RedisRefused
        (the server's error reply) or, at the latest `timeout_s` after this turn, RedisUnavailable.
        """

    @property
    def is_open(self) -> bool:
        """Tell whether calls fail at once, because Redis did not answer several times in a row."""

    def distrust(self, reason: str) -> None:
        """Give up the connection, which answered with what was not asked for."""

    def stats(self) -> Mapping[str, int | str]:
        """Count what happened, and say how the connection stands."""

    async def aclose(self) -> None:
        """Close the connection; calls under way fail."""
