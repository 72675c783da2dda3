"""Other people's clients, as they come, before a real gateway: what each makes of its answers is what it should.

What they are asked to do is told in `tests/conformance/asking.py`, and what must come of it in `judging.py`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.clients import CLIENTS, Client
from tests.conformance.finding import find_at
from tests.conformance.pinned import COMMAND, command
from tests.conformance.serving import Served, gateway_and_server
from tests.support.must_run import lacks

pytestmark = [pytest.mark.clients, pytest.mark.servers, pytest.mark.xdist_group("clients")]
PINNED = [client for client in CLIENTS if client.pinned]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("clients")
    with gateway_and_server(folder) as served:
        yield served


@pytest.mark.parametrize("client", PINNED, ids=[client.name for client in PINNED])
def test_a_client_is_served_as_it_expects(client: Client, request: pytest.FixtureRequest) -> None:
    asks = command(client)
    if asks is None:
        lacks("clients", f"{client.name} is not installed: {COMMAND}")
    served: Served = request.getfixturevalue("served")
    assert find_at(served.gateway, client, asks, served).faults == {}
