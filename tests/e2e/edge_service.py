"""A service without a pipeline, and a process that serves it: what `serve` is tested with."""

import os
import sys
from dataclasses import replace

from gateway.app.door import create_app
from gateway.app.serve import Service, serve
from gateway.app.settings import CannotStart, Settings, environment, read_settings
from gateway.domain.limits import EdgeLimits
from gateway.domain.request import Operation
from gateway.ports import Inbound, Responder


async def tell_pid(operation: Operation, inbound: Inbound, responder: Responder) -> None:
    """Answer the worker's process id; with a body, only once that body is complete."""
    await inbound.read_body(100, 30.0)
    body = b"%d" % os.getpid()
    await responder.send_head(200, [(b"content-length", b"%d" % len(body))])
    await responder.finish(body)


def closed(settings: Settings) -> Service:
    """Build a service whose callers need a key."""
    return Service(create_app(tell_pid, []), EdgeLimits, is_open=False)


def opened(settings: Settings) -> Service:
    """Build a service that anybody may use."""
    return replace(closed(settings), is_open=True)


def broken(settings: Settings) -> Service:
    """Fail as a bad policy fails."""
    raise CannotStart("The policy is no policy.")


def sharing(settings: Settings) -> Service:
    """Insist on the cache secret, which the parent made up."""
    if settings.cache_secret is None:
        raise CannotStart("There is no cache secret.")
    return closed(settings)


def _tell(url: str) -> None:
    sys.stdout.write(url + "\n")
    sys.stdout.flush()


def main() -> int:
    """Serve the factory named by the first argument, set up by the environment; print the base URL when it serves."""
    return serve(read_settings(environment(), {}), sys.argv[1], announce=_tell)


if __name__ == "__main__":
    sys.exit(main())
