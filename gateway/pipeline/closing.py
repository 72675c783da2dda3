"""Ends what a request has under way at its model servers, to the last of it, whatever breaks in."""

import asyncio
from collections.abc import Sequence
from typing import Final

from gateway.pipeline.attempt import Attempt

_CLOSE_WITHIN_S: Final = 1.0
"""Closing a connection is a local act: a transport that takes longer is broken, and the client must not wait for it."""


async def close_all(attempts: Sequence[Attempt], beating: asyncio.Task[None] | None) -> None:
    """Close every call, and end the heartbeat that is being sent, if any.

    A cancellation that comes meanwhile goes through only when all are closed: a call that was skipped would hold its
    server's slot, and nobody would be left to give it back.
    """
    if beating is not None:
        beating.cancel()
    cancelled: asyncio.CancelledError | None = None
    for attempt in attempts:
        try:
            await _close(attempt)
        except asyncio.CancelledError as error:
            cancelled = error
    if beating is not None:
        await asyncio.wait((beating,))
    if cancelled is not None:
        raise cancelled


async def _close(attempt: Attempt) -> None:
    if attempt.task is not None and not attempt.task.done():
        attempt.task.cancel()
        await asyncio.wait((attempt.task,), timeout=_CLOSE_WITHIN_S)
    if attempt.opened is not None:
        await attempt.opened.response.aclose()
