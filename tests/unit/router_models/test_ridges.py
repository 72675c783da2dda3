"""How strongly a fit is held: few outcomes choose, many keep the settings."""

from dataclasses import asdict

import numpy as np
import pytest

from router_models.low_rank import Settings
from router_models.ridges import FEW_QUERIES, TIMES, held_best, mean_log_loss

BASE = Settings()


def test_every_ridge_is_held_alike_and_nothing_else_changes() -> None:
    held = asdict(BASE.held(10.0))
    for name, value in asdict(BASE).items():
        assert held[name] == pytest.approx(value * 10 if name.endswith("_ridge") else value)


def test_few_queries_take_the_strength_that_others_outcomes_like_best() -> None:
    asked: list[float] = []

    def fit(settings: Settings) -> float:
        asked.append(settings.word_ridge / BASE.word_ridge)
        return asked[-1]

    settings, found = held_best(BASE, FEW_QUERIES - 1, fit, lambda times: abs(times - 28.0))
    assert found == pytest.approx(30.0)
    assert settings == BASE.held(30.0)
    assert asked == pytest.approx(TIMES)


def test_what_is_no_better_held_stays_as_it_is() -> None:
    settings, _ = held_best(BASE, 10, lambda settings: settings, lambda _: 0.0)
    assert settings == BASE


def test_many_queries_are_fitted_once_and_not_judged() -> None:
    def never(_: Settings) -> float:
        raise AssertionError("judged")

    assert held_best(BASE, FEW_QUERIES, lambda settings: settings, never) == (BASE, BASE)


def test_only_what_was_seen_counts_in_the_loss() -> None:
    logits = np.array([[0.0, 9.0], [np.log(3.0), -9.0]])
    score = np.array([[1.0, 0.0], [1.0, 1.0]])
    seen = np.array([[True, False], [True, False]])
    assert mean_log_loss(logits, score, seen) == pytest.approx((np.log(2) + np.log(4 / 3)) / 2)
    assert mean_log_loss(logits, score, np.zeros_like(seen)) == 0.0
