"""What is exported is what was trained: folded and unfolded scores agree, at every stage."""

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from gateway.adapters.artefact import Artefact, load_artefact
from gateway.adapters.encoder_model import in_bytes
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.adapters.scorer_static import StaticScorer
from gateway.core.request_text import RequestText
from gateway.domain.ability import ClassifierOutcome, Score, acceptance
from router_models.beside import ENCODER_VERIFIER
from router_models.calibrate import Calibrated, calibrate
from router_models.data import Floats
from router_models.export import Written, encoder_arrays, expected_output_tokens, npz, write_artefact
from router_models.low_rank import Settings
from router_models.router import Stage
from router_models.static_table import StaticTable
from router_models.texts import Reader
from router_models.train import Trained, train
from router_models.verifier.export import write_verifier
from tests.support.routing_texts import POOL, a_reader, pools_of
from tests.support.routing_world import REFERENCES, a_world

WORLD = a_world()
POOLS = pools_of(WORLD)
READER = a_reader(POOLS)
PROMPTS = [query.prompt for query in WORLD.queries]
ROWS = np.arange(len(PROMPTS))


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(WORLD, READER.read(PROMPTS, POOLS), Settings(latent=3, iterations=30))


@pytest.fixture(scope="module")
def calibrated(trained: Trained) -> Calibrated:
    return calibrate(trained.router, WORLD, trained.between_tasks, trained.seed)


@pytest.fixture(scope="module")
def artefact(trained: Trained, calibrated: Calibrated, tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    directory = tmp_path_factory.mktemp("exported")
    write_artefact(directory, WORLD, trained, calibrated, READER, {"apgr": 0.51234})
    return load_artefact(directory)


def odds(trained: Trained, latent: Sequence[float] | Floats) -> list[float]:
    """Return every reference's log odds at a position. Axes that weigh next to nothing may be rounded at will."""
    at = np.array(latent, np.float32)[None]
    return [float(each) for each in trained.router.space.logits(at)[0]]


def test_folded_scores_equal_unfolded_ones(trained: Trained, artefact: Artefact) -> None:
    scorer = FoldedScorer(artefact.table)
    unfolded, familiarity = trained.router.latent(ROWS, Stage.FOLDED), trained.router.familiarity(ROWS)
    for prompt, expected, known in zip(PROMPTS, unfolded, familiarity, strict=True):
        score = scorer.score_text(prompt)
        assert score.latent == pytest.approx(expected.tolist(), abs=1e-4)
        assert score.familiarity == pytest.approx(float(known), abs=1e-6)


def test_static_scores_equal_the_trained_ones_but_for_their_rounding(trained: Trained, artefact: Artefact) -> None:
    scorer = StaticScorer(artefact.static, artefact.table, spread=(1.0, 2.0, 3.0))
    before = FoldedScorer(artefact.table).score_text(PROMPTS[0])
    expected = trained.router.latent(ROWS, Stage.STATIC)
    # Vectors are rounded, so near texts weigh a little otherwise, and the stage goes so many times the step they ask.
    rounding = 0.04 * max(1.0, trained.router.stages[Stage.STATIC].near)
    for row in range(0, len(PROMPTS), 10):
        score = scorer.score(RequestText(PROMPTS[row]), before)
        assert odds(trained, score.latent) == pytest.approx(odds(trained, expected[row]), abs=rounding)
        assert (score.outcome, score.spread) == (ClassifierOutcome.STATIC, (1.0, 2.0, 3.0))
        vector = np.frombuffer(score.embedding, np.int8) / 127
        assert vector @ trained.router.texts.static[row] == pytest.approx(1.0, abs=0.01)


def test_an_encoders_position_joined_with_words_equals_the_trained_one(trained: Trained, artefact: Artefact) -> None:
    scorer = StaticScorer(artefact.static, artefact.table)
    heads = encoder_arrays(trained.router, READER)
    weight, bias = (np.asarray(heads[name], np.float32) for name in ("latent_weight", "latent_bias"))
    latents = POOLS @ weight + bias
    expected = trained.router.latent(ROWS, Stage.ENCODER)
    vectors = in_bytes(trained.router.texts.vectors)
    for row in range(0, len(PROMPTS), 10):
        place = vectors[row].tobytes()
        score = Score(tuple(latents[row].tolist()), 1.0, "encoder-1", ClassifierOutcome.ENCODER_CPU, embedding=place)
        settled = scorer.settle(RequestText(PROMPTS[row]), score)
        assert odds(trained, settled.latent) == pytest.approx(odds(trained, expected[row]), abs=0.05)
        assert (settled.scorer, settled.outcome) == ("encoder-1", ClassifierOutcome.ENCODER_CPU)


@pytest.mark.parametrize("embedding", [b"", b"\x7f\x00\x00", bytes(POOL)])
def test_an_encoder_that_tells_no_vector_is_moved_by_what_lies_near_the_static_one(
    trained: Trained, artefact: Artefact, embedding: bytes
) -> None:
    scorer, text = StaticScorer(artefact.static, artefact.table), RequestText(PROMPTS[0])
    alike = replace(artefact.static, encoder_surroundings=None)
    score = Score((1.0, 2.0, 3.0), 1.0, "encoder-1", ClassifierOutcome.REMOTE, embedding=embedding)
    settled = scorer.settle(text, score)
    assert settled == StaticScorer(alike, artefact.table).settle(text, score)
    assert np.frombuffer(settled.embedding, np.int8) / 127 @ trained.router.texts.static[0] > 0.99


def test_a_text_without_words_stays_as_it_was(artefact: Artefact) -> None:
    scorer = StaticScorer(artefact.static, artefact.table)
    before = Score((1.0, 2.0, 3.0), 0.5, "folded-1")
    for text in (" \n", "?!"):
        assert scorer.score(RequestText(text), before) == before
        assert scorer.settle(RequestText(text), before) == before


def test_without_what_stands_beside_it_an_encoders_position_stays(artefact: Artefact) -> None:
    scorer = StaticScorer(replace(artefact.static, beside_encoder=None), artefact.table)
    score = Score((1.0, 2.0, 3.0), 0.5, "encoder-1", ClassifierOutcome.ENCODER)
    assert scorer.settle(RequestText(PROMPTS[0]), score) == score


def test_served_probabilities_equal_the_evaluated_ones(trained: Trained, artefact: Artefact) -> None:
    scorer = FoldedScorer(artefact.table)
    abilities = artefact.catalogue.references
    evaluated = trained.router.chance(ROWS, Stage.FOLDED)
    for row in range(0, len(PROMPTS), 50):
        score = replace(scorer.score_text(PROMPTS[row]), familiarity=1.0)
        served = [acceptance(abilities[name], score) for name in REFERENCES]
        known = float(trained.router.familiarity(ROWS)[row])
        mixed = [known * p + (1 - known) * prior for p, prior in zip(served, trained.router.priors, strict=True)]
        assert mixed == pytest.approx(evaluated[row].tolist(), abs=1e-3)


def test_the_calibration_requests_are_positions_of_queries_that_no_head_was_fitted_on(
    calibrated: Calibrated, trained: Trained, artefact: Artefact
) -> None:
    requests = artefact.catalogue.requests
    assert len(requests) == len(calibrated.sample) > 50
    assert set(calibrated.sample) <= set(trained.router.tune)
    assert all(WORLD.queries[at].split != "test" for at in calibrated.sample)
    latents = trained.router.latent(calibrated.sample, Stage.STATIC)
    assert np.allclose([each.score.latent for each in requests], latents, atol=5e-3)
    assert all(each.input_tokens > 0 for each in requests)
    assert [each.task for each in requests] == [WORLD.queries[at].task for at in calibrated.sample]


def test_graded_answers_are_those_to_the_test_queries(artefact: Artefact) -> None:
    graded = artefact.catalogue.graded
    tested = [at for at, query in enumerate(WORLD.queries) if query.split == "test" and WORLD.seen[at].any()]
    assert len(graded.requests) == len(tested) > 100
    for column, name in enumerate(REFERENCES):
        scores = WORLD.score[tested, column]
        expected = np.where(WORLD.seen[tested, column], scores, np.nan)
        assert np.array_equal(np.array(graded.scores[name]), expected, equal_nan=True)


def test_longer_answers_are_expected_of_models_that_gave_longer_ones(calibrated: Calibrated) -> None:
    lengths = expected_output_tokens(WORLD, calibrated)
    assert lengths == sorted(lengths)
    assert lengths[4] == pytest.approx(5 * lengths[0], rel=0.02)


def test_exporting_twice_writes_the_same_bytes(trained: Trained, calibrated: Calibrated, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_artefact(tmp_path / name, WORLD, trained, calibrated, READER, {})
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_verifier_stays_as_long_as_the_table_it_rests_on(
    trained: Trained, calibrated: Calibrated, tmp_path: Path
) -> None:
    def write(reader: Reader = READER) -> Written:
        return write_artefact(tmp_path, WORLD, trained, calibrated, reader, {})

    assert not write().lost_verifier
    table = sha256((tmp_path / "static.npz").read_bytes()).hexdigest()
    write_verifier(tmp_path, npz({"static": np.frombuffer(table.encode(), np.uint8)}))
    write_verifier(tmp_path, npz({"static": np.frombuffer(table.encode(), np.uint8)}), ENCODER_VERIFIER)
    told = json.loads((tmp_path / "manifest.json").read_bytes())
    assert not write().lost_verifier
    assert json.loads((tmp_path / "manifest.json").read_bytes()) == told
    assert {"verifier.npz", "encoder_verifier.npz"} <= told["files"].keys()
    other = replace(READER, table=StaticTable(READER.table.table * np.float32(2)))
    assert write(other).lost_verifier
    told = json.loads((tmp_path / "manifest.json").read_bytes())
    assert {"verifier.npz", "encoder_verifier.npz"}.isdisjoint(told["files"])
    assert "verifier" not in told
    assert not write(other).lost_verifier
