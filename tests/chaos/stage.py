"""A small stage for one test file: a gateway in front of tiers that each have somebody to lose, and one that stands in.

Each `NAME` of `tiers` is a tier and an alias; a request for it begins there and may go on to the tier `second`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.chaos.actors import Actor, GatewayActor, on_stage
from tests.support.networks import free_port

LIMITS = "connect: 500ms, ttft: 1s, answer: 2s, stall: 1s"
"""Of the tiers that lose somebody."""
VARIABLES = {
    "FREE_KEY": "sk-free",
    "RICH_KEY": "sk-rich",
    "TIERGATE_LAME_DUCK_S": "0",
    "TIERGATE_DRAIN_S": "1",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs."""

    gateway: GatewayActor
    actors: Mapping[str, Actor]

    @property
    def url(self) -> str:
        """What a client is told. It ends with `/v1`."""
        return self.gateway.base_url


def policy(tiers: Mapping[str, str], second_url: str, model: str) -> str:
    """Write the policy. `tiers` says where the endpoint of each is."""

    def tier(name: str, url: str, input_price: int, limits: str) -> str:
        ability = "gpt-4o" if name == "second" else "llama-3.1-8b-instruct"
        return (
            f'  {name}: {{model: "{model}", price: {{input: {input_price}, output: 1}}, context: 8k,'
            f" ability: {{like: {ability}}},\n"
            f'    limits: {{{limits}}}, endpoints: [{{url: "{url}"}}]}}\n'
        )

    cheap = "".join(tier(name, url, 1, LIMITS) for name, url in tiers.items())
    aliases = ", ".join(f"{name}: {{route: {name}}}" for name in tiers)
    routes = "".join(
        f"  {name}: {{tiers: [{name}, second], dial: 1000000000, cache: {{exact: off}}}}\n" for name in tiers
    )
    return (
        f"version: 1\ntiers:\n{cheap}{tier('second', second_url, 1000, 'ttft: 20s')}"
        f"models: {{{aliases}, second: {{tier: second}}}}\nroutes:\n{routes}"
        "tenants:\n  free: {keys: [env:FREE_KEY]}\n"
        "  rich: {keys: [env:RICH_KEY], budget: {usd: 1000000, window: month}}\n"
    )


@contextmanager
def running_stage(
    folder: Path,
    actors: Mapping[str, Actor],
    model: str,
    *,
    elsewhere: Mapping[str, str] = MappingProxyType({}),
    workers: int = 1,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Stage]:
    """Start the actors, of whom one is called `second` and the others stand behind a tier each, and a gateway.

    `elsewhere` has further tiers whose endpoints are not actors'.
    """
    urls = {name: f"http://127.0.0.1:{actor.port}/v1" for name, actor in actors.items()}
    second_url = urls.pop("second")
    path = folder / "policy.yaml"
    path.write_text(policy({**urls, **elsewhere}, second_url, model))
    gateway = GatewayActor("gateway", free_port(), path, folder, workers=workers, variables={**VARIABLES, **variables})
    with on_stage(*actors.values(), gateway):
        yield Stage(gateway, actors)
