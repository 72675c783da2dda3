"""Training on a small world whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from router_models.calibrate import calibrate
from router_models.data import DataError
from router_models.design import extract_all
from router_models.low_rank import Settings, fit, outcome_weights
from router_models.train import Trained, fit_on, load, save, train, transfer_variance
from tests.support.routing_world import ABILITIES, EASY, HARD, REFERENCES, a_world

QUICK = Settings(latent=2, iterations=60)
WORLD = a_world()


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(WORLD, QUICK)


def test_the_order_of_abilities_is_recovered(trained: Trained) -> None:
    calibrated = calibrate(trained.fitted.model, trained.fitted.design, WORLD, trained.between_tasks, trained.seed)
    priors = [ability.prior for ability in calibrated.abilities]
    assert [ability.reference for ability in calibrated.abilities] == list(REFERENCES)
    assert priors == sorted(priors)
    intercepts = [ability.intercept for ability in calibrated.abilities]
    assert np.corrcoef(intercepts, ABILITIES)[0, 1] > 0.98
    assert all(0.05 < ability.standard_error < 1.0 for ability in calibrated.abilities)
    assert calibrated.abilities[0].tasks == ("code", "knowledge", "maths")


def test_hard_words_make_every_model_less_likely_to_be_right(trained: Trained) -> None:
    model, words = trained.fitted.model, trained.fitted.vocabulary.words
    effect = model.words @ model.loadings.T
    hard = effect[[words.index(word.encode()) for word in HARD]]
    easy = effect[[words.index(word.encode()) for word in EASY]]
    assert (hard.mean(axis=0) < easy.mean(axis=0) - 0.3).all()


def test_training_twice_gives_the_same_model(trained: Trained) -> None:
    again = fit_on(WORLD, extract_all(q.prompt for q in WORLD.queries), WORLD.where(split="train"), QUICK)
    assert np.array_equal(again.model.words, trained.fitted.model.words)
    assert np.array_equal(again.model.intercepts, trained.fitted.model.intercepts)


def test_test_outcomes_change_nothing_that_was_learned(trained: Trained) -> None:
    test = WORLD.where(split="test")
    flipped = replace(WORLD, score=np.where(test[:, None], 1 - WORLD.score, WORLD.score))
    other = train(flipped, QUICK)
    assert np.array_equal(other.fitted.model.words, trained.fitted.model.words)
    ours = calibrate(trained.fitted.model, trained.fitted.design, WORLD, trained.between_tasks, trained.seed)
    theirs = calibrate(other.fitted.model, other.fitted.design, flipped, other.between_tasks, other.seed)
    assert ours.abilities == theirs.abilities


def test_progress_is_told_after_each_step() -> None:
    told: list[tuple[int, int]] = []
    training = WORLD.where(split="train")
    fitted = fit_on(WORLD, extract_all(q.prompt for q in WORLD.queries), training, replace(QUICK, iterations=3))
    chosen = (fitted.design.rows(training), WORLD.score[training], WORLD.seen[training])
    fit(*chosen, replace(QUICK, iterations=3), progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_outcomes_of_a_crowded_query_weigh_less_each() -> None:
    seen = np.array([[True, True, True, True], [True, False, False, False]])
    weights = outcome_weights(seen, 0.5)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0, 0] == pytest.approx(weights[1, 0] / 2)
    assert weights[1, 1] == 0.0


def test_models_that_stand_off_on_one_kind_of_task_are_noticed() -> None:
    world = a_world(2_400)
    features = extract_all(query.prompt for query in world.queries)
    code = np.flatnonzero(world.where(task="code"))
    odd = world.score.copy()
    odd[np.ix_(code, np.array([0]))] = 1.0
    odd[np.ix_(code, np.array([4]))] = 0.2
    quick = replace(QUICK, iterations=20)
    still = transfer_variance(world, features, quick, 1)
    assert transfer_variance(replace(world, score=odd), features, quick, 1) > still + 0.2


def test_a_kept_model_is_read_back_whole(trained: Trained, tmp_path: Path) -> None:
    save(trained, tmp_path / "deep" / "model.npz")
    back = load(tmp_path / "deep" / "model.npz", WORLD)
    assert back.settings == trained.settings
    assert (back.seed, back.between_tasks) == (trained.seed, trained.between_tasks)
    assert back.fitted.vocabulary.words == trained.fitted.vocabulary.words
    assert np.array_equal(
        back.fitted.model.logits(back.fitted.design), trained.fitted.model.logits(trained.fitted.design)
    )


def test_a_model_that_was_never_kept_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Make it first: python -m router_models train"):
        load(tmp_path / "none.npz", WORLD)
