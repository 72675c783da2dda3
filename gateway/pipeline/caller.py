"""Who knows the servers of a request's ladder, as its interpreter sees them."""

from typing import Protocol

from gateway.pipeline.attempt import Attempt


class Caller(Protocol):
    """Who knows the ladder's servers: the interpreter asks it to place and make each call."""

    def place(self, number: int, rung: int, again: Attempt | None) -> Attempt:
        """Choose a server of that rung which this request has not tried; or take that of `again` once more."""

    async def call(self, attempt: Attempt) -> None:
        """Wait for content, into `attempt.opened`. Raises AttemptError."""

    def over(self, attempt: Attempt) -> None:
        """Take note that the call is over."""
