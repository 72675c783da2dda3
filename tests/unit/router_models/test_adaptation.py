"""Feedback in the evaluation moves decisions as it does in service."""

import numpy as np
import pytest

from gateway.adapters.label_line import along, line_of
from gateway.core.neighbours import (
    LINE_FROM,
    LOGIT_MAX,
    NEAREST,
    closeness_by_cosine,
    correction,
    level_of,
    raised,
)
from gateway.domain.ids import TierName
from router_models.adaptation import LEVEL, Labels, Rule, corrections
from router_models.static_table import unit


def _labels(count: int, seed: int = 1) -> Labels:
    chance = np.random.default_rng(seed)
    vectors = unit((chance.normal((1.5, 0, 0, 0, 0, 0), size=(count, 6))).astype(np.float32))
    return Labels(vectors, (chance.random(count) < 0.3).astype(np.float64), chance.uniform(0.1, 0.9, count))


@pytest.mark.parametrize("count", [1, 5, NEAREST, LINE_FROM - 1, LINE_FROM, 300])
def test_corrections_are_those_of_the_gateway(count: int) -> None:
    labels, asked = _labels(count), _labels(40, 2)
    requests, said = asked.vectors, asked.predicted.astype(np.float32)
    found = corrections(requests, asked.predicted, labels)
    line = np.array([level_of(labels.scores.tolist(), labels.predicted.tolist()), *[0.0] * 7], np.float32)
    if count >= LINE_FROM:
        line = line_of(labels.vectors, labels.scores.astype(np.float32), labels.predicted.astype(np.float32))
    stands = np.array(along(line, labels.vectors, labels.predicted.astype(np.float32)))
    for at, (request, ours) in enumerate(zip(requests, found, strict=True)):
        cosines = labels.vectors @ request
        near = np.argsort(-cosines)[:NEAREST]
        weights = [closeness_by_cosine(float(cosine)) for cosine in cosines[near]]
        scores, predicted = labels.scores[near].tolist(), labels.predicted[near].tolist()
        expected = list(map(raised, predicted, stands[near].tolist()))
        (off,) = along(line, request[None], said[at : at + 1])
        assert correction(TierName("t"), off, weights, scores, expected).logit == pytest.approx(ours, abs=1e-4)


@pytest.mark.parametrize("rule", [LEVEL, Rule(doubt=None), Rule(line_from=10), Rule(said_ridge=1e9)])
def test_other_rules_say_something_else(rule: Rule) -> None:
    labels, asked = _labels(200 if rule.line_from == LINE_FROM else 100), _labels(40, 2)
    requests = asked.vectors, asked.predicted
    assert not np.allclose(corrections(*requests, labels, rule), corrections(*requests, labels))


def test_a_line_that_is_held_fast_is_the_level() -> None:
    labels, asked = _labels(200), _labels(40, 2)
    fast = Rule(doubt=None, line_ridge=lambda labels: 1e9, said_ridge=1e9)
    held = corrections(asked.vectors, asked.predicted, labels, fast)
    assert held == pytest.approx(level_of(labels.scores.tolist(), labels.predicted.tolist()), abs=1e-5)


def test_no_label_moves_nothing_and_many_of_one_kind_no_further_than_the_bound() -> None:
    none = Labels(np.zeros((0, 6), np.float32), np.zeros(0), np.zeros(0))
    three = _labels(3)
    assert corrections(three.vectors, three.predicted, none).tolist() == [0, 0, 0]
    many = Labels(_labels(500).vectors, np.zeros(500), np.full(500, 0.99))
    assert corrections(three.vectors, three.predicted, many).tolist() == [-LOGIT_MAX] * 3
