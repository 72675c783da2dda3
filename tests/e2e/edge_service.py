"""Services without a pipeline, for tests of serving itself. Each function is a ServiceFactory."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from starlette.applications import Starlette

from gateway.app.door import create_app
from gateway.app.serve import Service
from gateway.app.settings import CannotStart, Settings
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.ports import Inbound, Responder

log = logging.getLogger("tiergate")


async def tell_pid(operation: Operation, inbound: Inbound, responder: Responder) -> None:
    """Answer the worker's process id; with a body, only once that body is complete."""
    await inbound.read_body(100, 30.0)
    body = b"%d" % os.getpid()
    await responder.send_head(200, [(b"content-length", b"%d" % len(body))])
    await responder.finish(body)


def closed(settings: Settings, worker: int) -> Service:
    """Build a service whose callers need a key."""
    return Service(create_app(tell_pid, []), EdgeLimits, is_open=False)


def settling(settings: Settings, worker: int) -> Service:
    """Build a service that writes down when a request settles and when the stores close."""

    async def settle_last(operation: Operation, inbound: Inbound, responder: Responder) -> None:
        try:
            await tell_pid(operation, inbound, responder)
        finally:
            await asyncio.shield(asyncio.create_task(_settle()))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        log.error("closed")

    return Service(create_app(settle_last, [], lifespan=lifespan), EdgeLimits, is_open=False)


async def _settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)
    log.error("settled")


def opened(settings: Settings, worker: int) -> Service:
    """Build a service that anybody may use."""
    return replace(closed(settings, worker), is_open=True)


def broken(settings: Settings, worker: int) -> Service:
    """Fail as a bad policy fails."""
    raise CannotStart("The policy is no policy.")


def sharing(settings: Settings, worker: int) -> Service:
    """Insist on the cache secret, which the parent made up."""
    if settings.cache_secret is None:
        raise CannotStart("There is no cache secret.")
    return closed(settings, worker)
