"""Training on a small world whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from router_models.calibrate import calibrate
from router_models.data import DataError, Floats
from router_models.design import build_design, extract_all, learn_vocabulary
from router_models.low_rank import Settings, fit, outcome_weights
from router_models.router import Stage, fit_router
from router_models.train import Trained, in_training, load, save, train, transfer_variance
from tests.support.routing_texts import a_reader, pools_of
from tests.support.routing_world import ABILITIES, EASY, HARD, REFERENCES, a_world

QUICK = Settings(latent=2, iterations=60)
WORLD = a_world()
POOLS = pools_of(WORLD)
PROMPTS = [query.prompt for query in WORLD.queries]
TEXTS = a_reader(POOLS).read(PROMPTS, POOLS)
ROWS = np.arange(len(PROMPTS))


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(WORLD, TEXTS, QUICK)


def test_the_order_of_abilities_is_recovered(trained: Trained) -> None:
    calibrated = calibrate(trained.router, WORLD, trained.between_tasks, trained.seed)
    priors = [ability.prior for ability in calibrated.abilities]
    assert [ability.reference for ability in calibrated.abilities] == list(REFERENCES)
    assert priors == sorted(priors)
    intercepts = [ability.intercept for ability in calibrated.abilities]
    assert np.corrcoef(intercepts, ABILITIES)[0, 1] > 0.95
    assert all(0.05 < ability.standard_error < 1.0 for ability in calibrated.abilities)
    assert calibrated.abilities[0].tasks == ("code", "knowledge", "maths")


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_finds_hard_words_hard(trained: Trained, stage: Stage) -> None:
    chance = trained.router.chance(ROWS, stage)
    hard = np.array([sum(word in HARD for word in prompt.split()) for prompt in PROMPTS])
    assert (chance[hard <= 2].mean(axis=0) > chance[hard >= 6].mean(axis=0) + 0.15).all()


@pytest.mark.parametrize("stage", [Stage.STATIC, Stage.ENCODER])
def test_a_text_unlike_any_is_judged_mostly_by_its_length(trained: Trained, stage: Stage) -> None:
    router = trained.router

    def banded(low: float) -> Floats:
        known = {each: replace(texts, low=low, high=low + 1) for each, texts in router.known.items()}
        return replace(router, known=known).latent(ROWS, stage)

    near, far = banded(-6.0), banded(5.0)
    # All texts are of about one length, so what is left of their differences is the share that content keeps.
    assert far.std(axis=0).max() < 0.5 * near.std(axis=0).max()


def test_only_what_lies_near_the_threshold_is_handed_on(trained: Trained) -> None:
    router = trained.router
    gain = router.chance(ROWS, Stage.FOLDED)[:, [1, 4]] @ [-1, 1]
    handed = router.undecided(ROWS, Stage.FOLDED, 1, 4, float(np.median(gain)), 1.0)
    assert 0 < handed.sum() < len(ROWS)
    away = np.abs(gain - np.median(gain))
    assert away[handed].mean() < away[~handed].mean()
    assert not router.undecided(ROWS, router.best, 1, 4, float(np.median(gain)), 1.0).any()


def test_training_twice_gives_the_same_router(trained: Trained) -> None:
    again = fit_router(WORLD, TEXTS, in_training(WORLD), QUICK, seed=trained.seed)
    assert np.array_equal(again.chance(ROWS, again.best), trained.router.chance(ROWS, again.best))


def test_without_the_encoder_the_static_stage_is_the_best(trained: Trained) -> None:
    router = fit_router(WORLD, a_reader(POOLS).read(PROMPTS, None), in_training(WORLD), QUICK, seed=1)
    assert list(router.stages) == [Stage.FOLDED, Stage.STATIC]
    assert router.best is Stage.STATIC


def test_test_outcomes_change_nothing_that_was_learned(trained: Trained) -> None:
    test = WORLD.where(split="test")
    flipped = replace(WORLD, score=np.where(test[:, None], 1 - WORLD.score, WORLD.score))
    other = train(flipped, TEXTS, QUICK)
    ours = calibrate(trained.router, WORLD, trained.between_tasks, trained.seed)
    theirs = calibrate(other.router, flipped, other.between_tasks, other.seed)
    assert ours.abilities == theirs.abilities
    assert np.array_equal(other.router.latent(ROWS, Stage.ENCODER), trained.router.latent(ROWS, Stage.ENCODER))


def test_progress_is_told_after_each_step() -> None:
    told: list[tuple[int, int]] = []
    training = WORLD.where(split="train")
    features = extract_all(PROMPTS)
    design = build_design(features, learn_vocabulary(features, training))
    chosen = (design.rows(training), WORLD.score[training], WORLD.seen[training])
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
    pools = pools_of(world)
    texts = a_reader(pools).read([query.prompt for query in world.queries], pools)
    code = np.flatnonzero(world.where(task="code"))
    odd = world.score.copy()
    odd[np.ix_(code, np.array([0]))] = 1.0
    odd[np.ix_(code, np.array([4]))] = 0.2
    quick = replace(QUICK, iterations=20)
    told: list[str] = []
    still = transfer_variance(world, texts, quick, 1, told.append)
    assert transfer_variance(replace(world, score=odd), texts, quick, 1, told.append) > still + 0.2
    assert told == ["without knowledge", "without maths", "without code"] * 2


def test_a_kept_router_is_read_back_whole(trained: Trained, tmp_path: Path) -> None:
    save(trained, tmp_path / "deep" / "model.npz")
    back = load(tmp_path / "deep" / "model.npz", TEXTS)
    assert back.settings == trained.settings
    assert (back.seed, back.between_tasks) == (trained.seed, trained.between_tasks)
    for stage in Stage:
        assert np.array_equal(back.router.chance(ROWS, stage), trained.router.chance(ROWS, stage))
        assert np.array_equal(back.router.stages[stage].spread, trained.router.stages[stage].spread)


def test_a_model_that_was_never_kept_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Make it first: python -m router_models train"):
        load(tmp_path / "none.npz", TEXTS)


def test_the_words_of_the_world_are_the_readers(trained: Trained) -> None:
    assert set(trained.router.vocabulary.words) == {word.encode() for word in (*EASY, *HARD)}
