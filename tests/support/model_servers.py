"""Real llama.cpp servers with random weights, started once for the whole run of the tests."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from gateway.app.demo_models import ModelServer, start_server, wait_until_ready, write_model
from tests.support.networks import free_port


@contextmanager
def running_servers(names: Sequence[str], folder: Path) -> Iterator[Mapping[str, ModelServer]]:
    """Write the models of these names into the folder and serve each under its name; stop all at the end."""
    servers: dict[str, ModelServer] = {}
    try:
        for name in names:
            file = folder / f"{name}.gguf"
            write_model(name, file)
            servers[name] = start_server(file, free_port(), name, folder / f"{name}.log")
        asyncio.run(_warm_up(servers.values()))
        yield servers
    finally:
        for server in servers.values():
            server.stop()


async def _warm_up(servers: Iterable[ModelServer]) -> None:
    """Wait until each is ready, and ask once: the first answer takes ten times as long as the others."""
    async with httpx.AsyncClient(trust_env=False) as client:
        for server in servers:
            await wait_until_ready(server)
            body = {"model": server.alias, "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}
            (await client.post(f"{server.base_url}/chat/completions", json=body)).raise_for_status()
