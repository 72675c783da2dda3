"""Looks whether servers on which a request was lost still live, before it is sent to another."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

import httpx

from gateway.core.endpoint_state import EndpointState
from gateway.core.quarantine import Quarantine
from gateway.ports import Clock, UpstreamTransport
from gateway.wire.headers import upstream_headers

_WITHIN_S: Final = 1.0
_TRIES: Final = 2
"""The first may find a kept connection that the server's end has closed."""
_SERVER_ERROR: Final = 500


async def look_for_life(
    states: Iterable[EndpointState], quarantine: Quarantine, transports: Mapping[str, UpstreamTransport], clock: Clock
) -> None:
    """Ask each server for its list of models, and take note of who answers and who refuses the connection.

    Nothing is concluded of a server that does neither within a second, or of an error that a proxy may have given.
    """
    for state in states:
        await _look(state, quarantine, transports[state.endpoint.transport], clock)


async def _look(state: EndpointState, quarantine: Quarantine, transport: UpstreamTransport, clock: Clock) -> None:
    for _ in range(_TRIES):
        began_s = clock.now_s()
        try:
            async with asyncio.timeout(_WITHIN_S):
                status = await _ask(state, transport)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            quarantine.refused(state)
            return
        except httpx.TransportError:
            continue
        except TimeoutError:
            return
        if status < _SERVER_ERROR:
            state.answered_began_s = max(state.answered_began_s, began_s)
        return


async def _ask(state: EndpointState, transport: UpstreamTransport) -> int:
    endpoint = state.endpoint
    credential = None if endpoint.api_key is None else endpoint.api_key.reveal()
    url = httpx.URL(f"{endpoint.base_url}/models")
    headers = [
        (b"host", url.netloc),
        *upstream_headers("", credential, stream=False, key_header=endpoint.takes_key_header),
    ]
    request = httpx.Request("GET", url, headers=headers, extensions={"timeout": {"connect": _WITHIN_S}})
    response = await transport.handle_async_request(request)
    await response.aclose()
    return response.status_code
