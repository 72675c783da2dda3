"""A whole worker in this process: its settings, and its start and end as a server does them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.types import ASGIApp, Message

from gateway.app.settings import Settings, read_settings


def settings(policy: Path | str = "policies/default.yaml", **overrides: object) -> Settings:
    """Read settings as the command line gives them, with a secret made up."""
    return read_settings({}, {"policy": policy, **overrides}).with_cache_secret()


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    """Start and stop an application as a server does, with a client on this machine."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    life = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as client:
        yield client
    await inbox.put({"type": "lifespan.shutdown"})
    assert (await outbox.get())["type"] == "lifespan.shutdown.complete"
    await life


def write_policy(path: Path, origin: str, *, model: str = "ok", route: str = "{}", more: str = "") -> None:
    """Write a policy of one tier behind a server, for which anybody may ask unless `more` names tenants."""
    path.write_text(
        f"""\
version: 1
tiers:
  only: {{model: {model}, price: {{input: 1, output: 2}}, context: 8k, ability: {{like: gpt-4o-mini}},
         endpoints: [{{url: "{origin}/v1"}}]}}
models: {{auto: {{route: all}}}}
routes: {{all: {route}}}
{more}"""
    )
