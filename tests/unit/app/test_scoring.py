"""Which stages of the difficulty model there are, by policy, machine and artefact."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gateway.adapters.artefact import load_artefact
from gateway.adapters.clock import SystemClock
from gateway.adapters.encoder_model import CannotEncode
from gateway.adapters.metrics import Metrics
from gateway.adapters.scorer_chain import ScorerChain
from gateway.app.scoring import Runtime, Scoring, Session, find_runtime
from gateway.app.settings import CannotStart
from gateway.domain.ability import ClassifierOutcome, Score, ScorerChoice
from tests.support.encoder_folders import artefact_with_encoder, write_manifest
from tests.support.fake_transport import FakeTransport
from tests.support.prometheus import read_series
from tests.support.tiers import a_request
from tests.support.toy_encoders import ScriptedModel
from tests.unit.policy.worlds import MINIMAL, snapshot_of

REQUEST = replace(a_request(), user_text="What is the capital of France, and why is it there?")
REMOTE = "remote: {url: 'http://127.0.0.1:1', model: m}"


@dataclass
class FakeRuntime:
    """Runs scripted models: on a GPU if there is one."""

    has_gpu: bool = True
    is_broken: bool = False
    loaded: list[tuple[str, str]] = field(default_factory=list)
    models: list[ScriptedModel] = field(default_factory=list)

    def __call__(self) -> Runtime:
        return Runtime(lambda: self.has_gpu, self.load)

    def load(self, model: Path, device: str, width: int) -> Session:
        if self.is_broken and device == "cuda":
            raise CannotEncode("the driver is of another version")
        self.loaded.append((model.name, device))
        self.models.append(ScriptedModel(device, latent=width))
        return self.models[-1]


def policy(section: str, scorer: str = "auto") -> str:
    times = "deadline: 10s, cpu_deadline: 10s"
    return MINIMAL.replace("all: {}", f"all: {{scorer: {scorer}}}") + f"classifier: {{{times}, {section}}}\n"


class Bench:
    """A chain made for a policy."""

    def __init__(
        self, directory: Path, text: str, runtime: Callable[[], Runtime | None], metrics: Metrics | None = None
    ) -> None:
        self.directory = directory
        self.scoring = Scoring(
            snapshot_of(text),
            directory,
            clock=SystemClock(),
            metrics=metrics or Metrics(),
            transport=FakeTransport(),
            runtime=runtime,
        )

    def chain(self) -> ScorerChain:
        return self.scoring.make(load_artefact(self.directory))

    async def outcome(self, choice: ScorerChoice = ScorerChoice.AUTO) -> ClassifierOutcome:
        try:
            return (await self.chain().score(REQUEST, choice, _always)).outcome
        finally:
            await self.scoring.aclose()


def _always(score: Score) -> bool:
    return True


def _nowhere() -> None:
    return None


@pytest.mark.parametrize(
    ("section", "runtime", "outcome", "files"),
    [
        ("device: auto", FakeRuntime(), "encoder", ["model.fp16.onnx"]),
        ("device: cuda", FakeRuntime(), "encoder", ["model.fp16.onnx"]),
        ("device: cpu", FakeRuntime(), "encoder_cpu", ["model.int8.onnx"]),
        ("device: auto", FakeRuntime(has_gpu=False), "static", []),
        ("device: auto", FakeRuntime(is_broken=True), "static", []),
        ("device: auto", _nowhere, "static", []),
        ("device: off", FakeRuntime(), "static", []),
    ],
)
async def test_the_encoder_runs_where_the_policy_and_the_machine_allow(
    tmp_path: Path, section: str, runtime: Callable[[], Runtime | None], outcome: str, files: list[str]
) -> None:
    artefact_with_encoder(tmp_path, ("model.fp16.onnx", "model.int8.onnx"))
    assert await Bench(tmp_path, policy(section), runtime).outcome() == outcome
    if isinstance(runtime, FakeRuntime):
        assert [name for name, _ in runtime.loaded] == files


async def test_without_an_encoder_beside_the_model_there_is_none(tmp_path: Path) -> None:
    artefact_with_encoder(tmp_path)
    (tmp_path / "encoder").rename(tmp_path / "elsewhere")
    assert await Bench(tmp_path, policy("device: auto"), FakeRuntime()).outcome() is ClassifierOutcome.STATIC
    with pytest.raises(CannotStart, match=r"encoder: is not there, and the policy says `device: cuda`"):
        Bench(tmp_path, policy("device: cuda"), FakeRuntime()).chain()


@pytest.mark.parametrize(
    ("section", "runtime", "told"),
    [
        ("device: cuda", FakeRuntime(is_broken=True), "The encoder cannot be used: the driver is of another version"),
        ("device: cuda", _nowhere, r"onnxruntime is not installed. Run: pip install 'tiergate\[encoder-gpu\]'"),
        ("device: cpu", _nowhere, r"onnxruntime is not installed. Run: pip install 'tiergate\[encoder\]'"),
    ],
)
def test_a_device_that_is_required_and_not_to_be_had_keeps_the_gateway_from_starting(
    tmp_path: Path, section: str, runtime: Callable[[], Runtime | None], told: str
) -> None:
    artefact_with_encoder(tmp_path)
    with pytest.raises(CannotStart, match=told):
        Bench(tmp_path, policy(section), runtime).chain()


def test_a_route_that_insists_on_a_missing_stage_keeps_the_gateway_from_starting(tmp_path: Path) -> None:
    artefact_with_encoder(tmp_path)
    with pytest.raises(CannotStart, match=r"routes.all says `scorer: encoder`"):
        Bench(tmp_path, policy("device: auto", "encoder"), FakeRuntime(has_gpu=False)).chain()


async def test_an_encoder_is_warmed_up_in_every_length_that_it_will_read(tmp_path: Path) -> None:
    artefact_with_encoder(tmp_path)
    gpu, cpu = FakeRuntime(), FakeRuntime()
    for section, runtime in (("device: cuda, tokens: 100, queue: 9", gpu), ("device: cpu", cpu)):
        bench = Bench(tmp_path, policy(section), runtime)
        bench.chain()
        await bench.scoring.aclose()
    assert gpu.models[0].passes == [(texts, length) for length in (16, 32, 64, 96, 100) for texts in (1, 9)]
    assert cpu.models[0].passes == [(1, 16), (1, 32), (1, 64), (1, 96)]


async def test_a_new_model_with_the_same_encoder_loads_nothing(tmp_path: Path) -> None:
    artefact_with_encoder(tmp_path)
    runtime = FakeRuntime()
    bench = Bench(tmp_path, policy("device: cuda"), runtime)
    bench.chain()
    bench.chain()
    assert len(runtime.loaded) == 1
    write_manifest(tmp_path / "encoder", ["vocab.txt", "model.fp32.onnx"], version="2")
    bench.chain()
    assert len(runtime.loaded) == 2
    await bench.scoring.aclose()


async def test_a_lost_gpu_is_replaced_by_the_cpu_logged_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    artefact_with_encoder(tmp_path, ("model.fp16.onnx", "model.int8.onnx"))
    runtime, metrics = FakeRuntime(), Metrics()
    bench = Bench(tmp_path, policy("device: cuda"), runtime, metrics)
    chain = bench.chain()
    runtime.models[0].fails = True
    outcomes: list[ClassifierOutcome] = []
    async with asyncio.timeout(5):
        while not outcomes or outcomes[-1] is not ClassifierOutcome.ENCODER_CPU:
            outcomes.append((await chain.score(REQUEST, ScorerChoice.ENCODER, _always)).outcome)
            await asyncio.sleep(0)
    await bench.scoring.aclose()
    assert set(outcomes[:-1]) == {ClassifierOutcome.ERROR}
    assert runtime.loaded == [("model.fp16.onnx", "cuda"), ("model.int8.onnx", "cpu")]
    told = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert told == ["the encoder failed on cuda. It goes on without the GPU until a restart"]
    assert read_series(metrics.render(), without="worker")['tiergate_encoder_failures_total{device="cuda"}'] == 1


async def test_a_gpu_that_is_lost_where_no_model_suits_the_cpu_leaves_the_stage_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    artefact_with_encoder(tmp_path, ("model.fp16.onnx",))
    runtime = FakeRuntime()
    bench = Bench(tmp_path, policy("device: cuda"), runtime)
    chain = bench.chain()
    runtime.models[0].fails = True
    async with asyncio.timeout(5):
        while "There is no encoder until a restart" not in caplog.text:
            assert (await chain.score(REQUEST, ScorerChoice.ENCODER, _always)).outcome is ClassifierOutcome.ERROR
            await asyncio.sleep(0)
    await bench.scoring.aclose()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
async def test_a_remote_scorer_that_nobody_answers_for_leaves_the_stage_before(tmp_path: Path, protocol: str) -> None:
    artefact_with_encoder(tmp_path)
    text = policy(f"device: off, {REMOTE}".replace("}", f", protocol: {protocol}}}"), "remote")
    assert await Bench(tmp_path, text, _nowhere).outcome(ScorerChoice.REMOTE) is ClassifierOutcome.ERROR


async def test_chains_of_all_models_ask_one_decision_model(tmp_path: Path) -> None:
    artefact_with_encoder(tmp_path)
    decider = "systemone: {url: 'http://127.0.0.1:1/v1', model: m, scale: {slope: 1, offset: 0}}"
    bench = Bench(tmp_path, policy(f"device: off, {decider}", "systemone"), _nowhere)
    chains = [bench.chain(), bench.chain()]
    for chain in chains:
        found = await chain.score(REQUEST, ScorerChoice.SYSTEMONE, _always)
        assert (found.outcome, found.is_known) == (ClassifierOutcome.ERROR, True)
    await bench.scoring.aclose()


def test_a_remote_scorer_needs_the_vocabulary(tmp_path: Path) -> None:
    artefact_with_encoder(tmp_path)
    (tmp_path / "encoder").rename(tmp_path / "elsewhere")
    with pytest.raises(CannotStart, match="the remote scorer needs its vocabulary"):
        Bench(tmp_path, policy(REMOTE), _nowhere).chain()


async def test_the_real_runtime_scores_in_the_space_of_the_model(tmp_path: Path) -> None:
    artefact_with_encoder(tmp_path)
    bench = Bench(tmp_path, policy("device: cpu"), find_runtime)
    score = await bench.chain().score(REQUEST, ScorerChoice.ENCODER, _always)
    await bench.scoring.aclose()
    assert score.outcome is ClassifierOutcome.ENCODER_CPU
    assert score.scorer == "toy-1"
    assert len(score.latent) == load_artefact(tmp_path).manifest.latent


def test_without_the_optional_runtime_there_is_none() -> None:
    code = (
        "import sys; sys.modules['onnxruntime'] = None; "
        "from gateway.app.scoring import find_runtime; print(find_runtime())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"


WEIGHTS = {"weights_sha256": {"model.safetensors": "abc"}, "embedding": 3}


@pytest.mark.parametrize(
    ("section", "changes", "embeds"),
    [
        ("device: cpu", WEIGHTS, True),
        ("device: cuda", WEIGHTS, False),
        ("device: off", WEIGHTS, False),
        ("device: cpu", {}, False),
    ],
)
async def test_questions_are_embedded_by_an_encoder_on_the_cpu_whose_weights_are_known(
    tmp_path: Path, section: str, changes: dict[str, object], embeds: bool
) -> None:
    artefact_with_encoder(tmp_path, ("model.fp16.onnx", "model.int8.onnx"), **changes)
    bench = Bench(tmp_path, policy(section), FakeRuntime())
    artefact = load_artefact(tmp_path)
    assert bench.scoring.embedder_of(artefact) is None, "no chain was made for it"
    bench.chain()
    assert (bench.scoring.embedder_of(artefact) is not None) is embeds
    await bench.scoring.aclose()


async def test_a_question_that_is_compared_and_then_scored_passes_through_the_encoder_once(tmp_path: Path) -> None:
    artefact_with_encoder(tmp_path, ("model.int8.onnx",), **WEIGHTS)
    runtime = FakeRuntime()
    bench = Bench(tmp_path, policy("device: cpu"), runtime)
    chain = bench.chain()
    embedder = bench.scoring.embedder_of(load_artefact(tmp_path))
    assert embedder is not None
    assert (embedder.weights, embedder.width, embedder.within_s) == ("abc", 3, 10.0)
    warm = len(runtime.models[0].passes)
    assert await embedder.embed(REQUEST.user_text) == bytes((127, 0, 129))
    score = await chain.score(REQUEST, ScorerChoice.ENCODER, _always)
    assert score.outcome is ClassifierOutcome.ENCODER_CPU
    assert len(runtime.models[0].passes) == warm + 1
    await bench.scoring.aclose()
