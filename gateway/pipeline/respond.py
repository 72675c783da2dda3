"""How an answer goes back: its head, with the few headers that every answer carries, and a whole body."""

from gateway.pipeline.attempt import Attempt
from gateway.pipeline.journey import Trail
from gateway.ports import ClientGone
from gateway.wire.headers import (
    DEBUG_HEADER,
    JSON,
    STREAM_HEADERS,
    debug_headers,
    header,
    tiergate_headers,
)

_OK = 200


async def send_answer(trail: Trail, attempt: Attempt, body: bytes, *, attempts: int) -> None:
    """Send a server's whole answer as it came, with its cost."""
    assert attempt.opened is not None
    told = _told(trail, attempt, attempts, cost_usd_nano=trail.charge_usd_nano)
    # It was read as JSON, so it is, whatever its server calls it: SDKs hand a body of another type on as mere text.
    await send_whole(trail, attempt.opened.response.status_code, [(b"content-type", JSON), *told], body)


async def send_stream_head(trail: Trail, attempt: Attempt, *, attempts: int) -> None:
    """Begin a stream, unless a heartbeat has begun it. Its cost is not known yet: the receipt has it."""
    if not trail.head_sent:
        await begin_stream(trail, _told(trail, attempt, attempts, cost_usd_nano=None))


async def send_early_head(trail: Trail) -> None:
    """Begin a stream before it is known who answers: what is not known yet stands in the receipt."""
    arrival, looked = trail.arrival, trail.looked
    assert looked is not None, "nothing is waited for before the look-up"
    told = tiergate_headers(
        request_id=arrival.request_id,
        snapshot=arrival.snapshot.id,
        cache=looked.cache,
        is_batch=arrival.seat is not None,
    )
    await begin_stream(trail, told)


async def begin_stream(trail: Trail, told: list[tuple[bytes, bytes]]) -> None:
    """Send the head of a stream. Raises ClientGone; nothing was begun then."""
    if trail.arrival.responder.gone.is_set():
        raise ClientGone
    trail.status, trail.head_sent, trail.in_stream = _OK, True, True
    await trail.arrival.responder.send_head(_OK, [*STREAM_HEADERS, *told])


async def send_whole(trail: Trail, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Send a head and the whole body behind it; the body alone where a sign of life has begun the stream that it is."""
    responder = trail.arrival.responder
    if responder.gone.is_set():
        raise ClientGone
    if not trail.head_sent:
        trail.status, trail.head_sent = status, True
        await responder.send_head(status, [*headers, (b"content-length", b"%d" % len(body))])
    await responder.finish(body)
    trail.is_told = True


def _told(trail: Trail, attempt: Attempt, attempts: int, *, cost_usd_nano: int | None) -> list[tuple[bytes, bytes]]:
    arrival, looked = trail.arrival, trail.looked
    assert looked is not None, "answers come after the look-up"
    told = tiergate_headers(
        request_id=arrival.request_id,
        snapshot=arrival.snapshot.id,
        cache=looked.cache,
        tier=attempt.tier.name,
        model=attempt.tier.model,
        attempts=attempts,
        cost_usd_nano=cost_usd_nano,
        is_batch=arrival.seat is not None,
    )
    assert trail.admitted is not None
    assert trail.decided is not None
    if trail.admitted.key.tenant.may_debug and header(arrival.inbound.headers, DEBUG_HEADER) == b"true":
        told += debug_headers(trail.decided.decision)
    return told
