"""What every System One server does for the scorer: one behind a socket, one in memory, and another gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.adapters.remote_trouble import Misfit, Refused
from gateway.adapters.systemone_http import SystemOneServer
from gateway.adapters.upstream_lean import LeanTransport
from gateway.core.difficulty import failing_share
from gateway.domain.ability import ClassifierOutcome, Score
from gateway.domain.remote_model import SystemOneModel
from gateway.domain.tier import Secret
from tests.support.fake_transport import FakeTransport
from tests.support.fault_server import FaultServer
from tests.support.gateways import KEYED, FixedScorer, Gateway
from tests.support.systemone import GatewayTransport, decider
from tests.unit.policy.worlds import CATALOGUE

KEY = "sk-search"
FOUND = Score((0.4, -0.3), 1.0, "fixed", ClassifierOutcome.STATIC)
TEXT = "x" * 40
EXPECTED = {
    "socket": 0.4,
    "memory": 0.4,
    "gateway": failing_share(tuple(CATALOGUE.references.values()), FOUND),
}
MODELS = {"socket": "decider", "memory": "decider", "gateway": "tiergate/auto"}
any_server = pytest.mark.parametrize("kind", list(MODELS))


@asynccontextmanager
async def served(kind: str, *, model: str | None = None, key: str = KEY) -> AsyncIterator[SystemOneServer]:
    """Give a client of a server of a kind, which asks for a model and presents a key."""

    def named(base_url: str) -> SystemOneModel:
        return SystemOneModel(base_url, model or MODELS[kind], 1.0, 0.0, Secret(key))

    if kind == "socket":
        server, lean = FaultServer(), LeanTransport()
        server.plan.general = decider(KEY)
        await server.start()
        yield SystemOneServer(named(server.base_url), lean)
        await lean.aclose()
        await server.aclose()
    elif kind == "memory":
        yield SystemOneServer(named("http://decider:8000/v1"), FakeTransport(decider(KEY)))
    else:
        gateway = Gateway(KEYED, scorer=FixedScorer(FOUND))
        yield SystemOneServer(named("http://gateway:8080/v1"), GatewayTransport(gateway))


@any_server
async def test_a_text_is_told_as_a_share_of_the_scale(kind: str) -> None:
    async with served(kind) as server:
        assert await server.share_of(TEXT) == pytest.approx(EXPECTED[kind])


@any_server
async def test_a_good_server_passes_the_look(kind: str) -> None:
    async with served(kind) as server:
        assert await server.look(1.0)


@any_server
@pytest.mark.parametrize(("model", "key", "said"), [("other", KEY, "'other'"), (None, "k-wrong", "http://")])
async def test_another_model_and_a_wrong_key_are_refused_and_never_told(
    kind: str, model: str | None, key: str, said: str
) -> None:
    async with served(kind, model=model, key=key) as server:
        with pytest.raises(Refused):
            await server.share_of(TEXT)
        with pytest.raises(Misfit, match="classifier: systemone:") as raised:
            await server.look(1.0)
    assert said in str(raised.value)
    assert "k-wrong" not in str(raised.value)
