"""Gateways as processes, started once for all tests that only ask them."""

from collections.abc import Iterator

import pytest

from gateway.app.demo_models import ModelServer
from tests.support.fault_process import FaultProcess, running_fault_server
from tests.support.gateway_process import RunningGateway, running_gateway
from tests.support.live_policies import KEYS, TENANTS, scripted_tiers, two_tiers
from tests.support.networks import free_port

SCRIPTED = (
    "busy",
    "throttled",
    "throttled-without-hint",
    "broken",
    "rejects",
    "mute",
    "reset",
    "garbage",
    "error-in-200",
    "error-event",
    "html",
    "html-in-200",
    "empty-stream",
    "not-an-answer",
    "no-done",
    "no-usage",
    "tools",
    "streams:200",
    "bursts:500",
    "stalls-after:3",
    "resets-after:3",
    "closes-after:3",
)
"""Behaviours of the scripted server that have a tier each."""


@pytest.fixture(scope="session")
def live_gateway(
    nano_server: ModelServer, small_server: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningGateway]:
    """A gateway with keys in front of two real model servers."""
    folder = tmp_path_factory.mktemp("live")
    policy = folder / "policy.yaml"
    policy.write_text(two_tiers(nano_server.base_url, small_server.base_url, tenants=TENANTS))
    with running_gateway(policy, folder, **KEYS) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def fault_process() -> Iterator[FaultProcess]:
    """The scripted model server."""
    with running_fault_server() as server:
        yield server


@pytest.fixture(scope="session")
def scripted_gateway(fault_process: FaultProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """An open gateway in front of the scripted server, with one tier a behaviour."""
    folder = tmp_path_factory.mktemp("scripted")
    policy = folder / "policy.yaml"
    nobody = f"http://127.0.0.1:{free_port()}/v1"
    policy.write_text(scripted_tiers(fault_process.base_url, SCRIPTED, unreachable_url=nobody))
    with running_gateway(policy, folder) as gateway:
        yield gateway
