"""The demo's gateway: a child process, started as anyone would start it."""

import asyncio
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from gateway.adapters.metrics_endpoint_names import ENDPOINT_AVAILABLE
from gateway.app.demo_models import DemoUnavailable, start_process, stop_process, wait_until_healthy
from gateway.app.settings import PREFIX, environment

POLL_S: Final = 0.05
STOPS_WITHIN_S: Final = 8.0
DRAIN_S: Final = 3
LAME_DUCK_S: Final = 0
TAKEN_BACK_WITHIN_S: Final = 10.0
"""A server that could not be reached is left alone for two seconds."""


@dataclass(frozen=True, slots=True)
class DemoGateway:
    """A gateway in a child process."""

    port: int
    admin_port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def origin(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def console(self) -> str:
        """The address of its console."""
        return f"http://127.0.0.1:{self.admin_port}/console"

    async def wait_until_ready(self, within_s: float) -> None:
        """Return once it serves. Raises DemoUnavailable."""
        await wait_until_healthy("the gateway", f"{self.origin}/health/ready", self.process, self.log, within_s)

    async def wait_until_taken_back(self, tier: str) -> None:
        """Return once the gateway would send requests to the tier's server again. Raises DemoUnavailable."""
        try:
            async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(TAKEN_BACK_WITHIN_S):
                while True:
                    metrics = (await client.get(f"{self.origin}/metrics")).text
                    if is_available(metrics, tier):
                        return
                    await asyncio.sleep(POLL_S)
        except (TimeoutError, httpx.TransportError) as error:
            raise DemoUnavailable(f"the gateway does not take the server of {tier} back; see {self.log}") from error

    def stop(self) -> None:
        """End the process and wait for it."""
        stop_process(self.process, STOPS_WITHIN_S)


def is_available(metrics: str, tier: str) -> bool:
    """Tell whether a scrape of the gateway says that the tier's first server may be given requests."""
    begin, label = f"{ENDPOINT_AVAILABLE.name}{{", f'endpoint="{tier}/0"'
    lines = (line for line in metrics.splitlines() if line.startswith(begin) and label in line)
    return any(float(line.rpartition(" ")[2]) == 1.0 for line in lines)


def start_gateway(policy: Path, port: int, log: Path) -> DemoGateway:
    """Start `tiergate serve` with this policy and nothing else of the surroundings: no Redis, no other settings."""
    variables = {name: value for name, value in environment().items() if not name.startswith(PREFIX)}
    variables |= {PREFIX + "POLICY": str(policy), PREFIX + "PORT": str(port)}
    admin_port = free_port()
    variables |= {PREFIX + "ADMIN": str(admin_port)}
    variables |= {PREFIX + "DRAIN_S": str(DRAIN_S), PREFIX + "LAME_DUCK_S": str(LAME_DUCK_S)}
    return DemoGateway(port, admin_port, log, start_process([sys.executable, "-m", "gateway", "serve"], log, variables))


def free_port() -> int:
    """Return a port on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def usable_port(port: int) -> int:
    """Return the port if one may listen there. Raises DemoUnavailable."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            message = f"port {port} cannot be used ({reason}); name another with --port, or leave it out"
            raise DemoUnavailable(message) from error
    return port
