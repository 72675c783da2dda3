"""What is exported is what was trained: folded and unfolded scores agree."""

from pathlib import Path

import numpy as np
import pytest

from gateway.adapters.artefact import Artefact, load_artefact
from gateway.adapters.scorer_folded import FoldedScorer
from gateway.domain.ability import acceptance
from router_models.calibrate import Calibrated, calibrate
from router_models.export import expected_output_tokens, write_artefact
from router_models.low_rank import Settings
from router_models.train import Trained, train
from tests.support.routing_world import REFERENCES, a_world

WORLD = a_world()


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(WORLD, Settings(latent=3, iterations=30))


@pytest.fixture(scope="module")
def calibrated(trained: Trained) -> Calibrated:
    return calibrate(trained.fitted.model, trained.fitted.design, WORLD, trained.between_tasks, trained.seed)


@pytest.fixture(scope="module")
def artefact(trained: Trained, calibrated: Calibrated, tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    directory = tmp_path_factory.mktemp("exported")
    write_artefact(directory, WORLD, trained, calibrated, {"apgr": 0.51234})
    return load_artefact(directory)


def test_folded_scores_equal_unfolded_ones(trained: Trained, calibrated: Calibrated, artefact: Artefact) -> None:
    scorer = FoldedScorer(artefact.table)
    unfolded = calibrated.latent(trained.fitted.design)
    for query, expected, known in zip(WORLD.queries, unfolded, trained.fitted.design.familiarity, strict=True):
        score = scorer.score_text(query.prompt)
        assert score.latent == pytest.approx(expected.tolist(), abs=1e-5)
        assert score.familiarity == pytest.approx(float(known), abs=1e-6)


def test_served_probabilities_equal_the_evaluated_ones(
    trained: Trained, calibrated: Calibrated, artefact: Artefact
) -> None:
    scorer = FoldedScorer(artefact.table)
    evaluated = calibrated.shrunk(trained.fitted.design)
    for row in range(0, len(WORLD.queries), 50):
        score = scorer.score_text(WORLD.queries[row].prompt)
        served = [acceptance(artefact.catalogue.references[name], score) for name in REFERENCES]
        assert served == pytest.approx(evaluated[row].tolist(), abs=1e-5)


def test_the_calibration_requests_are_positions_of_validation_queries(
    calibrated: Calibrated, trained: Trained, artefact: Artefact
) -> None:
    requests = artefact.catalogue.requests
    assert len(requests) == len(calibrated.sample) > 100
    assert all(WORLD.queries[at].split == "valid" for at in calibrated.sample)
    latents = calibrated.latent(trained.fitted.design)[calibrated.sample]
    assert np.allclose([each.score.latent for each in requests], latents, atol=2e-3)
    assert np.allclose(latents.mean(axis=0), 0.0, atol=1e-5)
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
        write_artefact(tmp_path / name, WORLD, trained, calibrated, {})
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
