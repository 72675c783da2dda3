"""Everything that a campaign runs against: model servers behind relays, gateways behind a front, and Redis.

clients ──► Front ──┬──► gateway-a (two workers) ──┐           ┌──► small-0 … small-2, marked
                    ├──► gateway-b ────────────────┼──► Relay ─┤
                    └──► gateway-c ────────────────┘           └──► real-0, real-1: llama.cpp
                                 │                  └─────────────► large-0, marked: never impaired
                               Redis
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.app.demo_models import write_model
from tests.chaos.actors import Actor, GatewayActor, llama_server
from tests.chaos.front import Front
from tests.chaos.impair import Way
from tests.chaos.relay import Relay
from tests.support.networks import free_port
from tests.support.redis_server import RedisServer, running_redis

SMALL_ENDPOINTS = 3
REAL_ENDPOINTS = 2
DEADLINE_S = 20.0
STALL_S = 1.0
TTFT_S = 1.0
ANSWER_S = 3.0
TENANTS = ("free", "rich")
"""Without a budget, and with one that nobody reaches."""
LAME_DUCK_S = 3.0
DRAIN_S = 10.0
LONGEST_LAG_S = 2.0
"""The front hears of a gateway's end so late at most, which is sooner than the gateway closes its door."""


def policy(small_urls: Sequence[str], real_urls: Sequence[str], large_url: str) -> str:
    """Write the policy. On both routes every request begins at the cheap tier, and may go on to the large one."""

    def tier(name: str, model: str, urls: Sequence[str], cheap: bool, limits: str) -> str:
        price = "{input: 1, output: 2}" if cheap else "{input: 1000, output: 2000}"
        ability = "llama-3.1-8b-instruct" if cheap else "gpt-4o"
        endpoints = ", ".join(f'{{url: "{url}"}}' for url in urls)
        return (
            f'  {name}: {{model: "{model}", price: {price}, context: 8k, ability: {{like: {ability}}},\n'
            f"    limits: {{{limits}}}, endpoints: [{endpoints}]}}\n"
        )

    short = f"connect: 300ms, ttft: {TTFT_S:g}s, answer: {ANSWER_S:g}s, stall: {STALL_S:g}s"
    route = f"dial: 1000000000, deadline: {DEADLINE_S:g}s, stream_deadline: {DEADLINE_S:g}s, cache: {{exact: 1h}}"
    return (
        "version: 1\ntiers:\n"
        + tier("small", "marked", small_urls, True, short)
        + tier("real", "nano", real_urls, True, short)
        + tier("large", "marked", [large_url], False, "ttft: 15s, answer: 15s")
        + "models: {auto: {route: auto}, real: {route: real}}\nroutes:\n"
        + f"  auto: {{tiers: [small, large], {route}}}\n  real: {{tiers: [real, large], {route}}}\n"
        + "limits: {in_flight_per_key: 2000}\n"
        + "tenants:\n  free: {keys: [env:FREE_KEY]}\n"
        + "  rich: {keys: [env:RICH_KEY], budget: {usd: 1000000, window: month}}\n"
    )


class Sightings:
    """Which relay a request was first seen at, and what is to be done at that very moment."""

    def __init__(self) -> None:
        self._awaited: dict[int, tuple[asyncio.Future[Relay], Callable[[Relay], None] | None]] = {}
        self.last: dict[str, Relay] = {}
        """The relay that saw a request last, by tier."""

    def expect(self, request: int, at_once: Callable[[Relay], None] | None = None) -> asyncio.Future[Relay]:
        """Await a request. `at_once` is called before the model server gets it."""
        future: asyncio.Future[Relay] = asyncio.get_running_loop().create_future()
        self._awaited[request] = future, at_once
        return future

    def __call__(self, relay: Relay, request: int, way: Way) -> None:
        """Take note of what a relay saw."""
        if way is not Way.REQUEST:
            return
        self.last[relay.name.partition("/")[0]] = relay
        future, at_once = self._awaited.pop(request, (None, None))
        if future is None or future.done():
            return
        if at_once is not None:
            at_once(relay)
        future.set_result(relay)


@dataclass(frozen=True, slots=True)
class Rig:
    """What runs. Endpoints go by the names that receipts give them, such as `small/0`."""

    folder: Path
    servers: dict[str, Actor]
    relays: dict[str, Relay]
    gateways: tuple[GatewayActor, ...]
    front: Front
    redis: RedisServer
    sightings: Sightings = field(default_factory=Sightings)

    @property
    def journals(self) -> list[Path]:
        """The files in which the marked servers write."""
        return sorted(self.folder.glob("*.journal"))


def _servers(folder: Path, model: Path) -> dict[str, Actor]:
    servers: dict[str, Actor] = {}
    for name in [*(f"small/{n}" for n in range(SMALL_ENDPOINTS)), "large/0"]:
        servers[name] = marked_server(name.replace("/", "-"), free_port(), folder)
    for number in range(REAL_ENDPOINTS):
        servers[f"real/{number}"] = llama_server(f"real-{number}", free_port(), model, "nano", folder)
    return servers


def marked_server(name: str, port: int, folder: Path) -> Actor:
    """A server whose tokens say where they belong, with its journal in the folder."""
    command = ["-m", "tests.chaos.marked_server", name, "--port", str(port)]
    return Actor(name, port, [*command, "--journal", str(folder / f"{name}.journal")], folder)


def _gateways(folder: Path, redis: RedisServer) -> tuple[GatewayActor, ...]:
    variables = {
        "TIERGATE_REDIS_URL": redis.url,
        "TIERGATE_CACHE_SECRET": "the same for all replicas",
        "TIERGATE_LAME_DUCK_S": f"{LAME_DUCK_S:g}",
        "TIERGATE_DRAIN_S": f"{DRAIN_S:g}",
        "FREE_KEY": "sk-free",
        "RICH_KEY": "sk-rich",
    }
    path = folder / "policy.yaml"
    return tuple(
        GatewayActor(f"gateway-{name}", free_port(), path, folder, workers=workers, variables=variables)
        for name, workers in (("a", 2), ("b", 1), ("c", 1))
    )


@asynccontextmanager
async def running_rig(folder: Path, say: Callable[[str], None]) -> AsyncIterator[Rig]:
    """Start everything, and end it behind the block."""
    model = folder / "nano.gguf"
    say("writing a model")
    write_model("nano", model)
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(running_redis())
        servers, gateways, sightings = _servers(folder, model), _gateways(folder, redis), Sightings()
        relays: dict[str, Relay] = {}
        for name, server in servers.items():
            if not name.startswith("large"):
                relays[name] = Relay(name, server.port, watch=sightings)
                relays[name].start()
                stack.push_async_callback(relays[name].aclose)
        urls = {name: relay.base_url for name, relay in relays.items()}
        small, real = ([urls[name] for name in urls if name.startswith(tier)] for tier in ("small", "real"))
        (folder / "policy.yaml").write_text(policy(small, real, f"http://127.0.0.1:{servers['large/0'].port}/v1"))
        say("starting model servers and gateways")
        for actor in (*servers.values(), *gateways):
            actor.start()
            stack.callback(actor.end)
        await asyncio.gather(*(actor.ready() for actor in (*servers.values(), *gateways)))
        front = Front(gateways)
        await front.start()
        stack.push_async_callback(front.aclose)
        yield Rig(folder, servers, relays, gateways, front, redis, sightings)
