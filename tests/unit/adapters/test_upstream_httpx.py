"""What the wrapper around httpx's own transport adds to it."""

import asyncio
import contextlib

import httpx
import pytest

from gateway.adapters.upstream_httpx import HttpxTransport
from gateway.ports import ready_request
from tests.support.networks import network
from tests.support.waiting import eventually


async def test_a_full_pool_is_a_pool_timeout() -> None:
    async with network("httpx", HttpxTransport(max_connections=1, pool_timeout_s=0.02)) as net:
        asking = asyncio.create_task(net.ask("mute"))
        await eventually(lambda: net.requests)
        with pytest.raises(httpx.PoolTimeout):
            await net.ask()
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking


async def test_the_limits_of_a_request_go_before_those_of_the_transport() -> None:
    async with network("httpx", HttpxTransport(connect_timeout_s=9.0, pool_timeout_s=8.0)) as net:
        url = httpx.URL(net.origin + "/v1/chat/completions")
        request = ready_request(url, [], b"{}", connect_timeout_s=0.5)
        response = await net.transport.handle_async_request(request)
        assert request.extensions["timeout"] == {"connect": 0.5, "pool": 8.0, "read": None, "write": None}
        await response.aclose()
