"""The way back to a client on which nobody else waits."""

import asyncio

import pytest

from gateway.pipeline.outlet import UNSENT_BYTES_MAX, Outlet
from gateway.ports import ClientGone
from tests.support.crowds import idle
from tests.support.fake_inbound import FakeResponder


async def begun() -> tuple[FakeResponder, Outlet]:
    responder = FakeResponder()
    outlet = Outlet(responder)
    outlet.watch()
    await outlet.send_head(200, ())
    return responder, outlet


async def test_what_a_client_reads_goes_out_at_once() -> None:
    responder, outlet = await begun()
    await outlet.send_chunk(b"one")
    assert responder.chunks == [b"one"]
    assert not outlet.is_full


async def test_what_a_client_does_not_read_is_put_by_and_goes_out_with_what_follows() -> None:
    responder, outlet = await begun()
    responder.stop_reading()
    await outlet.send_chunk(b"one")
    await outlet.send_chunk(b" two")
    assert responder.chunks == []
    assert not outlet.is_full, "there is room for more"
    responder.read_on()
    await outlet.send_chunk(b" three")
    assert responder.chunks == [b"one two three"]


async def test_the_end_waits_for_the_client() -> None:
    responder, outlet = await begun()
    responder.stop_reading()
    await outlet.send_chunk(b"one")
    ending = asyncio.create_task(outlet.finish(b" end"))
    await idle()
    assert not ending.done()
    responder.read_on()
    await ending
    assert (responder.body, responder.finished) == (b"one end", True)
    await outlet.aclose()
    assert responder.closed


async def test_a_client_that_is_too_far_behind_is_waited_for() -> None:
    responder, outlet = await begun()
    responder.stop_reading()
    await outlet.send_chunk(b"x" * (UNSENT_BYTES_MAX + 1))
    assert outlet.is_full
    sending = asyncio.create_task(outlet.send_chunk(b"!"))
    await idle()
    assert not sending.done()
    responder.read_on()
    await sending
    assert len(responder.body) == UNSENT_BYTES_MAX + 2


async def test_a_client_that_has_left_is_sent_nothing() -> None:
    responder, outlet = await begun()
    responder.stop_reading()
    await outlet.send_chunk(b"one")
    responder.leave()
    assert outlet.gone.is_set()
    with pytest.raises(ClientGone):
        await outlet.send_chunk(b" two")
    with pytest.raises(ClientGone):
        await outlet.finish()
    assert responder.chunks == []
