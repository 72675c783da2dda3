"""uvicorn's protocol on a real loopback socket, in the test's own loop: no threads, no signals, no ports to guess."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from tests.support.waiting import eventually


@asynccontextmanager
async def live_edge(app: ASGIApp, protocol: type[HttpToolsProtocol] = HttpToolsProtocol) -> AsyncIterator[int]:
    """Serve the application and yield the port; on the way out, cut every connection and wait for its task."""
    config = Config(app, http=protocol, ws="none", lifespan="off", interface="asgi3", log_config=None, access_log=False)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()

    def connect() -> HttpToolsProtocol:
        return protocol(config=config, server_state=state, app_state={}, _loop=loop)

    server = await loop.create_server(connect, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await eventually(lambda: not state.connections and not state.tasks)
        await server.wait_closed()
