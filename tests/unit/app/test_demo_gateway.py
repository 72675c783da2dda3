import socket
from pathlib import Path

import pytest

from gateway.app.demo_gateway import DemoGateway, free_port, is_available, start_gateway, usable_port
from gateway.app.demo_models import DemoUnavailable

SCRAPE = """\
# TYPE tiergate_endpoint_available gauge
tiergate_endpoint_available{endpoint="nano/0",worker="0"} 0
tiergate_endpoint_available{endpoint="small/0",worker="0"} 1
tiergate_endpoint_attempts_in_flight{endpoint="nano/0",worker="0"} 1
"""


def test_a_scrape_says_which_servers_may_be_given_requests() -> None:
    assert is_available(SCRAPE, "small")
    assert not is_available(SCRAPE, "nano")
    assert not is_available(SCRAPE, "large")


def test_a_port_in_use_is_told_with_the_way_out() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(DemoUnavailable, match=rf"port {port} cannot be used \(.+\); name another with --port"):
            usable_port(port)


def test_a_free_port_can_be_used() -> None:
    port = free_port()
    assert usable_port(port) == port


async def test_a_gateway_that_cannot_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    gateway = start_gateway(tmp_path / "no-such-policy.yaml", free_port(), tmp_path / "gateway.log")
    try:
        with pytest.raises(DemoUnavailable, match=r"(?s)the gateway stopped:.*no-such-policy\.yaml cannot be read"):
            await gateway.wait_until_ready(60.0)
    finally:
        gateway.stop()
    assert isinstance(gateway, DemoGateway)
    assert gateway.origin == f"http://127.0.0.1:{gateway.port}"
    assert gateway.console == f"http://127.0.0.1:{gateway.admin_port}/console"


async def test_a_gateway_that_is_gone_takes_no_server_back(tmp_path: Path) -> None:
    gateway = start_gateway(tmp_path / "none.yaml", free_port(), tmp_path / "gateway.log")
    gateway.stop()
    with pytest.raises(DemoUnavailable, match="does not take the server of nano back"):
        await gateway.wait_until_taken_back("nano")
