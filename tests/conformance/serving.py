"""The gateway under test: a process in front of real model servers, as the clients will find it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.gateway_process import running_gateway
from tests.support.live_policies import two_tiers
from tests.support.model_servers import running_servers


@dataclass(frozen=True, slots=True)
class Served:
    """Base URLs, each ending with `/v1`: of the gateway, and of the server to which all its requests go first."""

    gateway_url: str
    bare_url: str


@contextmanager
def gateway_and_server(folder: Path, aliases: Iterable[str] = ()) -> Iterator[Served]:
    """Start two model servers and the gateway; the route `auto` and the `aliases` lead to the smaller one."""
    with running_servers(("nano", "small"), folder) as servers:
        nano, small = servers["nano"], servers["small"]
        policy = folder / "policy.yaml"
        policy.write_text(two_tiers(nano.base_url, small.base_url, aliases=aliases))
        with running_gateway(policy, folder) as gateway:
            yield Served(gateway.base_url, nano.base_url)
