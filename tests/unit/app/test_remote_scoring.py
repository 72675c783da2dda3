"""The remote scorer as a policy has it: looked at before the gateway serves, and loaded only where it is wanted."""

import asyncio
import logging
import subprocess
import sys
from dataclasses import replace

import pytest

from gateway.adapters.scorer_remote import RemoteScorer
from gateway.adapters.upstream_lean import LeanTransport
from gateway.app.remote_scoring import SystemOne, make_remote, make_systemone
from gateway.app.settings import CannotStart
from gateway.core.request_text import RequestText
from gateway.core.wordpiece import WordPieces
from gateway.domain.ability import ClassifierOutcome, Score
from gateway.domain.classifier import ClassifierTerms
from gateway.domain.remote_model import RemoteModel, SystemOneModel
from gateway.domain.tier import Secret
from tests.support.clocks import ManualClock
from tests.support.fake_transport import FakeTransport
from tests.support.fault_server import FaultServer
from tests.support.inference_servers import WIDTH, InferenceScript, inference
from tests.support.networks import free_port
from tests.support.systemone import decider
from tests.support.vocabularies import small_vocabulary

ways = pytest.mark.parametrize("kind", ["http", "grpc"])
TERMS = ClassifierTerms(deadline_s=10.0)
FORMER = Score((1.0, 2.0, 3.0), 0.5, "folded-1")
REQUEST = RequestText("the token of")


async def make(remote: RemoteModel | None, transport: LeanTransport, width: int = WIDTH) -> RemoteScorer | None:
    """Build it as the composition root does; in a thread, since the scripted server runs on this loop."""
    terms, pieces = replace(TERMS, remote=remote), WordPieces(small_vocabulary())
    return await asyncio.to_thread(
        lambda: make_remote(terms, pieces, width=width, transport=transport, clock=ManualClock(), chance=lambda: 0.0)
    )


async def outcome(remote: RemoteModel) -> ClassifierOutcome:
    """Build it, score one request, and let go of it."""
    transport = LeanTransport()
    scorer = await make(remote, transport)
    assert scorer is not None
    try:
        return (await scorer.refine(REQUEST, FORMER)).outcome
    finally:
        await scorer.aclose()
        await transport.aclose()


@ways
async def test_a_good_server_scores_the_first_request(kind: str) -> None:
    async with inference(kind, InferenceScript(key="k"), api_key=Secret("k")) as served:
        assert await outcome(served.remote) is ClassifierOutcome.REMOTE


@ways
async def test_a_server_that_is_not_there_stops_nothing(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    remote = RemoteModel(f"http://127.0.0.1:{free_port()}", kind, "m")
    with caplog.at_level(logging.WARNING, "tiergate"):
        assert await outcome(remote) is ClassifierOutcome.ERROR
    assert "cannot be asked yet" in caplog.text
    assert remote.base_url in caplog.text


@ways
@pytest.mark.parametrize(
    ("model", "key", "width", "said"),
    [
        ("another", "k", WIDTH, "'another'"),
        (None, "wrong", WIDTH, "scripted"),
        (None, "k", WIDTH + 1, "`latent` FP32 [-1, 3] should be `latent` FP32 [-1, 4]"),
    ],
)
async def test_a_wrong_name_key_or_width_stops_the_start(
    kind: str, model: str | None, key: str, width: int, said: str
) -> None:
    async with inference(kind, InferenceScript(key="k"), api_key=Secret(key)) as served:
        remote = served.remote if model is None else replace(served.remote, model=model)
        transport = LeanTransport()
        with pytest.raises(CannotStart) as raised:
            await make(remote, transport, width)
        await transport.aclose()
        assert said in str(raised.value)
        assert remote.base_url in str(raised.value)
        assert "wrong" not in str(raised.value).replace("wrong one", "")


async def test_a_policy_without_a_remote_scorer_has_none() -> None:
    assert await make(None, LeanTransport()) is None


def make_decider(decider: SystemOneModel | None) -> SystemOne | None:
    """Build it as the composition root does."""
    terms = replace(TERMS, systemone=decider)
    return make_systemone(terms, transport=FakeTransport(), clock=ManualClock(), chance=lambda: 0.0)


async def test_a_decision_model_is_looked_at_before_the_gateway_serves() -> None:
    server = FaultServer()
    server.plan.general = decider("k")
    await server.start()
    named = SystemOneModel(server.base_url, "decider", 1.0, 0.0, Secret("k"))
    found = await asyncio.to_thread(make_decider, named)
    assert found is not None
    assert found.asking.is_up
    for wrong in (replace(named, model="chat"), replace(named, api_key=Secret("wrong"))):
        with pytest.raises(CannotStart, match="classifier: systemone:") as raised:
            await asyncio.to_thread(make_decider, wrong)
        assert server.base_url in str(raised.value)
        assert "wrong" not in str(raised.value)
    await server.aclose()


def test_a_decision_model_that_is_not_there_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    named = SystemOneModel(f"http://127.0.0.1:{free_port()}/v1", "decider", 1.0, 0.0)
    with caplog.at_level(logging.WARNING, "tiergate"):
        found = make_decider(named)
    assert found is not None
    assert not found.asking.is_up
    assert f"the remote scorer at {named.base_url} cannot be asked yet" in caplog.text


def test_a_policy_without_a_decision_model_has_none() -> None:
    assert make_decider(None) is None


def test_grpc_is_loaded_only_where_it_is_asked_for() -> None:
    code = "import sys, gateway.app.wiring, gateway.app.remote_scoring; print({'grpc', 'google'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_grpc_that_is_not_installed_is_told_with_the_remedy() -> None:
    code = """
import sys
sys.modules["grpc"] = None
from gateway.app.remote_scoring import make_remote
from gateway.domain.classifier import ClassifierTerms
from gateway.domain.remote_model import RemoteModel
make_remote(ClassifierTerms(remote=RemoteModel("http://h:1", "grpc", "m")), None, width=3,
            transport=None, clock=None, chance=None)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "CannotStart: The policy asks for a remote scorer over gRPC, and grpc is not installed." in done.stderr
    assert "pip install 'tiergate[remote]'" in done.stderr
