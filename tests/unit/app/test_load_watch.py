"""Whose metrics are read, how often, and what becomes of servers that have none."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from gateway.app.demo_models import ModelServer
from gateway.app.load_watch import PAUSE_S, LoadWatch
from gateway.core.endpoint_state import EndpointState
from gateway.domain.ids import TierName
from gateway.domain.load import ServerLoad
from gateway.domain.tier import Secret
from gateway.pipeline.world import World
from gateway.ports import UpstreamTransport
from gateway.wire.load_signals import PAGE_BYTES_MAX
from tests.support.gateways import TWO_TIERS, Gateway
from tests.support.networks import make_transport
from tests.support.waiting import eventually

PAGE = b"vllm:num_requests_running 5\nvllm:num_requests_waiting 2\n"
LOAD = ServerLoad(5, 2, None)
SMALL = TierName("small")
VLLM = TWO_TIERS.replace('small-a:8000/v1"', 'small-a:8000/v1", dialect: vllm')
Answer = Callable[[httpx.Request], httpx.Response]


class Watched:
    """A gateway whose first small server is asked for its load, by a network that keeps what it was asked."""

    def __init__(self, answer: Answer, policy: str = VLLM) -> None:
        self.gateway = Gateway(policy)
        self.asked: list[httpx.Request] = []

        def note(request: httpx.Request) -> httpx.Response:
            self.asked.append(request)
            return answer(request)

        self.watch = LoadWatch(with_network(self.gateway, httpx.MockTransport(note)))

    @property
    def state(self) -> EndpointState:
        """What is known of the server."""
        return self.gateway.world.endpoints.state(self.gateway.policy.snapshot.tiers[SMALL].endpoints[0])

    @property
    def load(self) -> ServerLoad | None:
        """What it is known to have said of its load."""
        return self.state.load(self.gateway.clock.now_s())


def with_network(gateway: Gateway, transport: UpstreamTransport) -> World:
    return replace(gateway.world, transports={"lean": transport, "httpx": transport})


def page(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, stream=httpx.ByteStream(PAGE))


async def test_a_servers_load_is_read_beside_its_base_url_and_counted_by_the_picker() -> None:
    watched = Watched(page)
    await watched.watch.look()
    assert [str(request.url) for request in watched.asked] == ["http://small-a:8000/metrics"]
    assert watched.load == LOAD
    assert watched.state.load_tokens(watched.gateway.clock.now_s(), 100.0) == 700


@pytest.mark.parametrize(
    ("written", "urls"),
    [
        ("dialect: vllm, metrics: off", []),
        ("dialect: openai", []),
        ("dialect: sglang", ["http://small-a:8000/metrics"]),
        ("dialect: llamacpp", ["http://small-a:8000/metrics"]),
        ('metrics: "http://triton:8002/metrics"', ["http://triton:8002/metrics"]),
    ],
)
async def test_the_policy_says_whose_metrics_are_read_and_where(written: str, urls: list[str]) -> None:
    watched = Watched(page, TWO_TIERS.replace('small-a:8000/v1"', f'small-a:8000/v1", {written}'))
    await watched.watch.look()
    assert [str(request.url) for request in watched.asked] == urls


@pytest.mark.parametrize(("metrics", "told"), [("http://small-a:8000/metrics", True), ("http://else:1/metrics", False)])
async def test_our_key_goes_to_the_servers_own_address_only(metrics: str, told: bool) -> None:
    watched = Watched(page)
    snapshot = watched.gateway.policy.snapshot
    tier = snapshot.tiers[SMALL]
    endpoint = replace(tier.endpoints[0], metrics_url=metrics, api_key=Secret("sk-own"))
    tiers = {**snapshot.tiers, SMALL: replace(tier, endpoints=(endpoint,))}
    watched.gateway.policy.snapshot = replace(snapshot, tiers=tiers)
    await watched.watch.look()
    assert [request.headers.get("authorization") for request in watched.asked] == ["Bearer sk-own" if told else None]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(404), "answers 404"),
        (httpx.Response(200, stream=httpx.ByteStream(b"<html></html>")), "has no metric of its requests"),
        (httpx.Response(200, stream=httpx.ByteStream(b" " * (PAGE_BYTES_MAX + 1))), "more than"),
    ],
)
async def test_a_server_without_metrics_is_told_of_once_and_asked_again_a_minute_later(
    answer: httpx.Response, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(lambda request: answer if len(watched.asked) < 3 else page(request))
    for after_s in (0.0, PAUSE_S - 1.0, 1.0):
        watched.gateway.clock.advance(after_s)
        await watched.watch.look()
    assert (len(watched.asked), watched.load) == (2, None)
    assert [told in record.getMessage() for record in caplog.records] == [True]
    watched.gateway.clock.advance(PAUSE_S)
    await watched.watch.look()
    await watched.watch.look()
    assert (len(watched.asked), watched.load) == (4, LOAD), "from then on it is asked as before"


@pytest.mark.parametrize("error", [httpx.ConnectError("nobody there"), httpx.ReadError("reset"), TimeoutError()])
async def test_a_server_that_does_not_answer_is_asked_again_at_once(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    watched = Watched(fail)
    for _ in range(2):
        await watched.watch.look()
    assert (len(watched.asked), watched.load, caplog.records) == (2, None, [])


async def test_it_asks_until_it_is_ended() -> None:
    watched = Watched(page)
    running = asyncio.create_task(watched.watch.run())
    await eventually(lambda: watched.asked)
    running.cancel()
    await asyncio.wait((running,))
    assert running.cancelled()


@pytest.mark.servers
async def test_a_real_server_tells_its_load(nano_server: ModelServer) -> None:
    url = f'{nano_server.base_url}", dialect: llamacpp'
    gateway = Gateway(TWO_TIERS.replace('http://small-a:8000/v1"', url))
    transport = make_transport("lean")
    try:
        await LoadWatch(with_network(gateway, transport)).look()
    finally:
        await transport.aclose()
    state = gateway.world.endpoints.state(gateway.policy.snapshot.tiers[SMALL].endpoints[0])
    load = state.load(gateway.clock.now_s())
    assert load is not None
    assert (load.running, load.waiting) == (0, 0)
