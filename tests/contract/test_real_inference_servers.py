"""The remote encoder before real servers of the v2 protocol, kserve's and Triton, over HTTP and gRPC."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.encoder_model import EMBEDDING_SCALE, Encoded
from gateway.adapters.oip_encoder import RemoteEncoder
from gateway.adapters.oip_grpc import GrpcInference
from gateway.adapters.oip_http import HttpInference
from gateway.adapters.oip_model import (
    ATTENTION_MASK,
    EMBEDDING,
    INPUT_IDS,
    LATENT,
    VECTOR,
    InferenceServer,
    look,
    padded,
)
from gateway.adapters.remote_asking import RemoteLimits
from gateway.adapters.remote_trouble import Misfit, Unreachable
from gateway.adapters.upstream_lean import LeanTransport
from gateway.domain.ability import ClassifierOutcome
from gateway.domain.remote_model import RemoteModel
from router_models.triton import NAME
from tests.architecture.sources import ROOT
from tests.conformance.oip import kserve_python, triton_python
from tests.support.inference_servers import OURS
from tests.support.real_inference import RealServer, running_kserve, running_triton, write_tiny_encoder
from tests.support.tiny_encoder import LATENT_WIDTH, expected
from tests.support.waiting import answered

pytestmark = pytest.mark.inference
ways = pytest.mark.parametrize("protocol", ["http", "grpc"])
PATIENT_S = 20.0
TEXTS = [list(range(1, length)) for length in (3, 31, 33, 100, 129, 250)]
Run = Callable[[Path, Path, int], AbstractContextManager[RealServer]]
CLOSE = 1e-4
"""A batch adds up in another order than a text alone."""


@pytest.fixture(scope="module")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny encoder as ONNX."""
    if not kserve_python().exists():
        pytest.skip("kserve is not installed: python -m tests.conformance.oip --install")
    file = tmp_path_factory.mktemp("encoder") / "model.onnx"
    write_tiny_encoder(file)
    return file


@pytest.fixture(scope="module", params=["kserve", "triton"])
def real(
    request: pytest.FixtureRequest, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealServer]:
    """A server that serves it."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "kserve":
        with running_kserve(tiny_encoder, folder, LATENT_WIDTH) as server:
            yield server
    else:
        if not triton_python().exists():
            pytest.skip("Triton is not installed: python -m tests.conformance.oip --install")
        with running_triton(tiny_encoder, folder, LATENT_WIDTH) as server:
            yield server


def remote_of(real: RealServer, protocol: str, model: str = NAME) -> RemoteModel:
    """Name the model as a policy does."""
    port = real.http_port if protocol == "http" else real.grpc_port
    return RemoteModel(f"http://127.0.0.1:{port}", protocol, model)


@asynccontextmanager
async def client(remote: RemoteModel) -> AsyncIterator[InferenceServer]:
    """Reach the server; let go of it at the end."""
    transport = LeanTransport()
    server = HttpInference(remote, transport) if remote.protocol == "http" else GrpcInference(remote)
    try:
        yield server
    finally:
        await server.aclose()
        await transport.aclose()


def is_right(encoded: Encoded | ClassifierOutcome, ids: Sequence[int]) -> bool:
    """Tell whether this is what the encoder says of the text."""
    latent, embedding = expected(ids)
    assert isinstance(encoded, Encoded), encoded
    exact = [round(float(number) * EMBEDDING_SCALE) for number in embedding]
    said = [byte - 256 if byte > 127 else byte for byte in encoded.embedding]
    return encoded.latent == pytest.approx(latent.tolist(), abs=CLOSE) and all(
        abs(a - b) <= 1 for a, b in zip(said, exact, strict=True)
    )


@ways
async def test_the_server_passes_the_look(real: RealServer, protocol: str) -> None:
    remote = remote_of(real, protocol)
    async with client(remote) as server:
        served = await look(server, remote, LATENT_WIDTH, PATIENT_S)
        assert served.wanted == (LATENT, EMBEDDING, VECTOR)


@ways
async def test_every_text_of_many_at_once_is_encoded_as_by_itself(real: RealServer, protocol: str) -> None:
    remote = remote_of(real, protocol)
    async with client(remote) as server:
        served = await look(server, remote, LATENT_WIDTH, PATIENT_S)
        encoder = RemoteEncoder(
            server,
            remote,
            width=LATENT_WIDTH,
            clock=SystemClock(),
            chance=lambda: 0.0,
            note=lambda text: None,
            limits=RemoteLimits(deadline_s=PATIENT_S),
            served=served,
        )
        texts = TEXTS * 10
        found = await asyncio.gather(*map(encoder.encode, texts))
        assert [is_right(each, ids) for each, ids in zip(found, texts, strict=True)] == [True] * len(texts)


@ways
async def test_another_name_is_told_as_such(real: RealServer, protocol: str) -> None:
    remote = remote_of(real, protocol, "another")
    async with client(remote) as server:
        with pytest.raises(Misfit, match="another"):
            await look(server, remote, LATENT_WIDTH, PATIENT_S)


@ways
async def test_another_width_is_told_as_such(real: RealServer, protocol: str) -> None:
    remote = remote_of(real, protocol)
    async with client(remote) as server:
        with pytest.raises(Misfit, match=r"`latent` FP32 \[-1, 8\] should be `latent` FP32 \[-1, 16\]"):
            await look(server, remote, 16, PATIENT_S)


@ways
async def test_the_other_protocols_port_is_told_as_such(real: RealServer, protocol: str) -> None:
    other = remote_of(RealServer(http_port=real.grpc_port, grpc_port=real.http_port), protocol)
    async with client(other) as server:
        with pytest.raises(Unreachable):
            await server.infer(*padded([1]), OURS, PATIENT_S)


async def test_a_batch_is_made_of_texts_of_several_lengths(real: RealServer) -> None:
    remote = remote_of(real, "http")
    async with httpx.AsyncClient(trust_env=False) as asking, client(remote) as server:

        async def counted() -> tuple[int, int]:
            told = await asking.get(f"{remote.base_url}/v2/models/{NAME}/stats")
            counts = told.json()["model_stats"][0] if told.status_code == 200 else {}
            return counts.get("inference_count", -1), counts.get("execution_count", -1)

        texts, passes = await counted()
        if texts < 0:
            pytest.skip("only Triton counts its batches")
        served = await look(server, remote, LATENT_WIDTH, PATIENT_S)
        assert served.is_binary
        lengths = [3 + number % 28 for number in range(64)]
        await asyncio.gather(*(server.infer(*padded([1] * n), served, PATIENT_S) for n in lengths))
        # Triton counts after it has answered; the look asked once.
        _, after = await answered(counted, lambda now: now[0] == texts + 65)
        assert after - passes <= 16


@pytest.mark.parametrize("run", [running_kserve, running_triton])
async def test_the_encoder_that_ships_says_there_what_it_says_here(run: Run, tmp_path: Path) -> None:
    if not kserve_python().exists() or not triton_python().exists():
        pytest.skip("the servers are not installed: python -m tests.conformance.oip --install")
    model = ROOT / "router_models/artifacts/encoder/model.int8.onnx"
    if not model.exists():
        pytest.skip(f"{model.relative_to(ROOT)} is not there: python -m router_models train writes it")
    runtime = pytest.importorskip("gateway.adapters.onnx_runtime").onnxruntime
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    widths = {output.name: output.shape[-1] for output in session.get_outputs()}
    with run(model, tmp_path, widths[LATENT]) as real:
        for protocol in ("http", "grpc"):
            remote = remote_of(real, protocol)
            async with client(remote) as server:
                served = await look(server, remote, widths[LATENT], PATIENT_S)
                for text in TEXTS:
                    ids, mask = padded(text)
                    rows = await server.infer(ids, mask, served, PATIENT_S)
                    here = session.run(served.wanted, {INPUT_IDS: [ids], ATTENTION_MASK: [mask]})
                    for name, one in zip((LATENT, EMBEDDING, VECTOR), here, strict=True):
                        assert rows[name] == pytest.approx(one[0], abs=CLOSE)
