"""What every verifier and every embedder of questions keeps to: the shipped ones, and those that tests pass."""

import pytest

from gateway.adapters.artefact import load_artefact
from gateway.adapters.clock import SystemClock
from gateway.adapters.metrics import Metrics
from gateway.app.scoring import Scoring
from gateway.app.semantic import JudgeMaker
from gateway.pipeline.world import HitJudge
from tests.support.artefacts import packaged
from tests.support.encoder_folders import artefact_with_encoder
from tests.support.fake_transport import FakeTransport
from tests.support.semantic import Semantic
from tests.support.toy_encoders import EMBEDDING
from tests.unit.policy.worlds import MINIMAL, snapshot_of

TEXTS = ("How can I learn guitar fast?", "How do I learn guitar fast?", "Who won in 2014?", "Wie lernt man Gitarre?")
KINDS = ["shipped", "by an encoder", "told by a test"]


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> dict[str, HitJudge]:
    model = packaged().encoder_verifier
    assert model is not None
    weights = {"model.safetensors": model.encoder}
    folder = artefact_with_encoder(
        tmp_path_factory.mktemp("artefact"), ("model.int8.onnx",), weights_sha256=weights, embedding=EMBEDDING
    )
    policy = snapshot_of(MINIMAL + "classifier: {device: cpu, cpu_deadline: 10s}\n")
    clock, artefact = SystemClock(), load_artefact(folder)
    scoring = Scoring(policy, folder, clock=clock, metrics=Metrics(), transport=FakeTransport())
    scoring.make(artefact)
    shipped = JudgeMaker(clock, scoring.embedder_of)(artefact)
    assert shipped is not None
    assert shipped.encoder is not None
    (told,) = Semantic().judges.values()
    return dict(zip(KINDS, (shipped.static, shipped.encoder, told.static), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_each_cached_question_has_a_judgement_in_its_place_with_its_cosine(
    kind: str, judges: dict[str, HitJudge]
) -> None:
    judge = judges[kind]
    asked, *cached = map(judge.read, TEXTS)
    cosines = (0.9, 0.25, -0.5)
    found = judge.verifier.judge(asked, cached, cosines)
    assert tuple(each.cosine for each in found) == cosines
    assert all(0.0 <= each.probability <= 1.0 for each in found)
    alone = [judge.verifier.judge(asked, (each,), (cosine,)) for each, cosine in zip(cached, cosines, strict=True)]
    assert [each.probability for (each,) in alone] == pytest.approx([each.probability for each in found])
    assert judge.verifier.judge(asked, (), ()) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_says_its_text_and_a_verifier_its_name_and_counts(kind: str, judges: dict[str, HitJudge]) -> None:
    judge = judges[kind]
    assert [judge.read(text).text for text in TEXTS] == list(TEXTS)
    counts = judge.verifier.calibration
    assert counts.edges[0] == 0.0
    assert list(counts.edges) == sorted(set(counts.edges))
    assert len(counts.edges) == len(counts.right) == len(counts.wrong)
    assert judge.verifier.digest


@pytest.mark.parametrize("kind", KINDS)
async def test_a_text_has_one_embedding_of_one_length_and_one_without_words_has_none(
    kind: str, judges: dict[str, HitJudge]
) -> None:
    embedder = judges[kind].embedder
    first, again, other = [await embedder.embed(text) for text in (TEXTS[0], TEXTS[0], TEXTS[2])]
    assert first is not None
    assert other is not None
    assert first == again != other
    assert len(first) == len(other)
    assert await embedder.embed("") is None
    assert embedder.name
