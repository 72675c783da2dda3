"""The HTTP of this gateway and nothing behind it: what a kept answer costs is counted from it."""

import sys

from gateway.app.door import Door
from gateway.app.serve import Service, serve
from gateway.app.settings import Settings, environment, read_settings
from gateway.app.wiring import make_service as make_whole
from gateway.domain.request import Operation
from gateway.ports import Inbound, Responder
from load_tests.answers import plain_reply
from load_tests.simulation import Behaviour

FACTORY = "load_tests.bare_gateway:make_service"
_BODY_BYTES_MAX = 1_000_000
_BODY_WITHIN_S = 10.0


def make_service(settings: Settings, worker: int = 0) -> Service:
    """Build a worker that gives the one answer to every request that it has read."""
    service = make_whole(settings, worker)
    assert isinstance(service.app, Door), "the door is outermost"
    service.app.handler = answer
    return service


async def answer(operation: Operation, inbound: Inbound, responder: Responder) -> None:
    """Read a request and answer it."""
    await inbound.read_body(_BODY_BYTES_MAX, _BODY_WITHIN_S)
    await responder.send_head(200, _HEADERS)
    await responder.finish(_BODY)


_BODY = plain_reply("bare", Behaviour().answer_bytes).partition(b"\r\n\r\n")[2]
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]


if __name__ == "__main__":
    sys.exit(serve(read_settings(environment(), {}), FACTORY))
