"""Asks model servers for their metrics every few seconds, so that the load others put on them is known here.

Our own calls are counted as they are made; what a server says is some seconds old, and only adds to that.
"""

import asyncio
import logging
from typing import Final
from urllib.parse import urlsplit

import httpx

from gateway.core.endpoint_state import EndpointState
from gateway.domain.load import ServerLoad
from gateway.pipeline.world import World
from gateway.wire.headers import upstream_headers
from gateway.wire.load_signals import PAGE_BYTES_MAX, read_load

log = logging.getLogger("tiergate")

ASK_EVERY_S: Final = 2.0
ANSWER_WITHIN_S: Final = 1.0
PAUSE_S: Final = 60.0
"""A server that has no metrics is asked again this much later: it may have been started anew with them."""
PROBE_ID: Final = "metrics"


class LoadWatch:
    """Watches the servers of the policy in force whose metrics are to be read."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._paused_until_s: dict[str, float] = {}

    async def run(self) -> None:
        """Ask again and again until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(ASK_EVERY_S)

    async def look(self) -> None:
        """Ask every server once, all at the same time."""
        now_s, table = self._world.clock.now_s(), self._world.endpoints
        async with asyncio.TaskGroup() as asking:
            for tier in self._world.policy.snapshot.tiers.values():
                for endpoint in tier.endpoints:
                    url = endpoint.metrics_url
                    if url is not None and now_s >= self._paused_until_s.get(url, now_s):
                        asking.create_task(self._ask(table.state(endpoint), url))

    async def _ask(self, state: EndpointState, url: str) -> None:
        load, trouble = None, ""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                load, trouble = await self._fetch(state, httpx.URL(url))
        except (httpx.TransportError, TimeoutError):
            # A server in trouble is another's business; what it said before runs out by itself.
            return
        now_s = self._world.clock.now_s()
        if load is None:
            if url not in self._paused_until_s:
                log.warning("the load of endpoint %s is not known: %s %s", state.endpoint.id, url, trouble)
            self._paused_until_s[url] = now_s + PAUSE_S
            return
        self._paused_until_s.pop(url, None)
        state.note_load(load, now_s)

    async def _fetch(self, state: EndpointState, url: httpx.URL) -> tuple[ServerLoad | None, str]:
        endpoint = state.endpoint
        is_own = url.netloc.decode("ascii") == urlsplit(endpoint.base_url).netloc
        # Our key is for the server's own address, and for no other that a policy may name.
        credential = endpoint.api_key.reveal() if is_own and endpoint.api_key is not None else None
        headers = [
            (name, value)
            for name, value in upstream_headers(
                PROBE_ID, credential, stream=False, key_header=endpoint.takes_key_header
            )
            if name not in (b"accept", b"content-type")
        ]
        extensions = {"timeout": {"connect": ANSWER_WITHIN_S}}
        request = httpx.Request("GET", url, headers=[(b"host", url.netloc), *headers], extensions=extensions)
        response = await self._world.transports[endpoint.transport].handle_async_request(request)
        try:
            if response.status_code != 200:
                return None, f"answers {response.status_code}"
            page = b""
            async for part in response.stream:  # type: ignore[union-attr] # always asynchronous here
                page += part
                if len(page) > PAGE_BYTES_MAX:
                    return None, f"answers with more than {PAGE_BYTES_MAX} bytes"
        finally:
            await response.aclose()
        return read_load(page), "has no metric of its requests that is known"
