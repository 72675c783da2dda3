"""The gateway under test: a process in front of real servers and of a scripted one, as the clients will find it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import httpx

from tests.conformance.scripted import MODELS
from tests.support.fault_process import FaultProcess, running_fault_server
from tests.support.gateway_process import running_gateway
from tests.support.model_servers import running_servers

SAME = "-same"
"""What the alias of a tier ends with whose servers are asked in the API that the client asks in."""
SCRIPTED = "tests.conformance.scripted"

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Door:
    """Where a client asks: base URLs, each ending with `/v1`, and what all names of models but the unknown end with.

    `has_receipts` where the gateway is behind it.
    """

    name: str
    real_url: str
    scripted_url: str
    suffix: str = ""
    has_receipts: bool = True


@dataclass(frozen=True, slots=True)
class Served:
    """What was started; each URL ends with `/v1`. The bare server gets what is not for the scripted one."""

    BARE: ClassVar = "bare server"
    SAME_API: ClassVar = "same API"

    gateway_url: str
    bare_url: str
    scripted: FaultProcess

    @property
    def bare(self) -> Door:
        """Past the gateway."""
        return Door(self.BARE, self.bare_url, self.scripted.base_url, has_receipts=False)

    @property
    def gateway(self) -> Door:
        """To tiers whose servers take only chats."""
        return Door("gateway", self.gateway_url, self.gateway_url)

    @property
    def same_api(self) -> Door:
        """To tiers whose servers take what the client sends, which goes on as it came."""
        return Door(self.SAME_API, self.gateway_url, self.gateway_url, SAME)

    def outcome(self, request_id: str) -> str:
        """Return how a request ended, by its receipt."""
        receipt = httpx.get(f"{self.gateway_url}/receipts/{request_id}", trust_env=False)
        return str(receipt.json().get("outcome", f"no receipt ({receipt.status_code})"))


@contextmanager
def gateway_and_server(folder: Path, aliases: Iterable[str] = (), route: str = "auto") -> Iterator[Served]:
    """Start the servers and the gateway, whose `aliases` lead to that route; `auto` leads to the smaller server."""
    with running_servers(("nano", "small"), folder) as servers, running_fault_server(module=SCRIPTED) as scripted:
        urls = {name: server.base_url for name, server in servers.items()}
        policy = folder / "policy.yaml"
        policy.write_text(json.dumps(policy_of(urls, scripted.base_url, dict.fromkeys(aliases, route))))
        with running_gateway(policy, folder) as gateway:
            yield Served(gateway.base_url, urls["nano"], scripted)


def policy_of(real: Mapping[str, str], scripted_url: str, aliases: Mapping[str, str]) -> Json:
    """Return a policy over real servers, cheapest first, and the scripted one, for use as YAML.

    `aliases` are what else clients may name, with the route that each leads to.

    Each model is there twice: before servers that take chats alone, and before the same ones with all their APIs.
    """
    cheapest = next(iter(real))
    tiers: dict[str, Json] = {}
    dearer: dict[str, Json] = {}
    routes: dict[str, Json] = {}
    for suffix, apis in (("", ["chat"]), (SAME, ["chat", "messages", "responses"])):
        for name, url in real.items():
            kind = tiers if name == cheapest else dearer
            kind[name + suffix] = _tier(name, url, "llamacpp", apis, is_able=kind is dearer)
        for name in MODELS:
            tiers[name + suffix] = _tier(name, scripted_url, "openai", apis, is_able=False)
            routes[name + suffix] = _route([name + suffix])
        routes["auto" + suffix] = _route([name + suffix for name in real])
    models = {name: {"route": name} for name in routes} | {alias: {"route": route} for alias, route in aliases.items()}
    return {"version": 1, "tiers": tiers | dearer, "models": models, "routes": routes}


def _tier(model: str, url: str, dialect: str, apis: list[str], *, is_able: bool) -> Json:
    return {
        "model": model,
        "price": {"input": 10, "output": 20} if is_able else {"input": 1, "output": 2},
        "context": "4k" if dialect == "llamacpp" else "32k",
        "supports": ["tools", "json_schema"],
        "ability": {"like": "gpt-4o" if is_able else "llama-3.1-8b-instruct"},
        "endpoints": [{"url": url, "dialect": dialect, "apis": apis}],
    }


def _route(tiers: list[str]) -> Json:
    """At this dial every request starts on the cheapest tier; one attempt, so that clients are told when that fails."""
    return {"tiers": tiers, "dial": 1_000_000, "cache": {"exact": "off"}, "fallback": {"max_attempts": 1}}
