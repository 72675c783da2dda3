"""What is measured of semantic hits: shares, areas, the honesty of a bound, and the course of a drift."""

from pathlib import Path

import numpy as np
import pytest

from gateway.adapters.hit_verifier import TreeHitVerifier
from gateway.core.hit_proof import Terms
from gateway.core.pair_features import FEATURE_NAMES
from load_tests.__main__ import main
from load_tests.cache_card import ENCODER, OURS, Line, card, with_encoder
from load_tests.cache_decision import static_embedding, time_decision
from load_tests.cache_measures import (
    NEVER,
    Stream,
    area,
    area_lead,
    honesty,
    honesty_between_halves,
    mixed_stream,
    percentiles_ms,
    run_bound,
    run_fixed,
    share,
    wrong_at_rate,
)
from load_tests.cache_scores import by_cosine, by_guards, by_logistic
from router_models.verifier.fit import counts_of
from router_models.verifier.pairs import Labels
from tests.support.artefacts import packaged

CHANCE = np.random.default_rng(7)


def sure(pairs: int) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], Labels]:
    """Return scores that are true probabilities, and labels drawn by them."""
    scores = CHANCE.random(pairs)
    return scores, (CHANCE.random(pairs) < scores).astype(np.int8)


def test_the_wrong_share_is_that_of_the_likeliest_fifth() -> None:
    scores = np.linspace(0, 1, 100)
    labels = np.ones(100, np.int8)
    labels[[85, 90, 10]] = 0
    found = wrong_at_rate(scores, labels, 1)
    assert found.value == 0.1
    assert found.low < 0.1 < found.high
    assert share(np.zeros(0, np.bool_), 1).value == 0.0


def test_the_area_counts_equal_scores_half() -> None:
    labels = np.array([0, 0, 1, 1], np.int8)
    assert area(np.array([0.1, 0.2, 0.3, 0.4]), labels) == 1.0
    assert area(np.zeros(4), labels) == 0.5
    scores, drawn = sure(2_000)
    lead = area_lead(scores, np.zeros(2_000), drawn, 1, resamples=50)
    assert 0.25 < lead.low < lead.value < lead.high < 0.4


def test_a_bound_on_true_probabilities_is_kept() -> None:
    found = honesty(sure(12_000), np.ones(12_000), sure(20_000), 0.1, 1, draws=40)
    assert found.broken <= 0.1
    assert 0.1 < found.hit_rate < 0.2, "above 0.8 a tenth is wrong"
    assert honesty(sure(500), np.ones(500), sure(500), 0.01, 1, draws=5).hit_rate == 0.0


def test_a_bound_is_broken_between_halves_where_what_errs_together_counts_as_many() -> None:
    scores, labels = sure(2_000)
    repeated, parts = (np.repeat(scores, 6), np.repeat(labels, 6)), np.repeat(np.arange(2_000), 6)
    together = honesty_between_halves(repeated, parts, np.full(12_000, 1 / 6), 0.1, 1, draws=60)
    apart = honesty_between_halves(repeated, parts, np.ones(12_000), 0.1, 1, draws=60)
    assert together.broken <= 0.3, "the other half scatters, too"
    assert apart.broken > together.broken + 0.1
    assert 0.05 < together.hit_rate < apart.hit_rate
    few = sure(500)
    assert honesty_between_halves(few, np.arange(500), np.ones(500), 0.01, 1, draws=5).hit_rate == 0.0


def test_a_stream_is_mixed_behind_the_drift_alone() -> None:
    zeros, ones = (np.full(50, value) for value in (0.0, 1.0))
    labels = np.ones(50, np.int8)
    stream = mixed_stream((zeros, labels), (ones, 1 - labels), 0.3, 4_000, 1)
    assert stream.drifts_at == 4_000
    assert stream.scores[:4_000].max() == 0.0
    assert stream.scores[4_000:].mean() == pytest.approx(0.3, abs=0.03)
    assert (stream.labels[stream.scores == 1.0] == 0).all()


def a_drift(length: int = 12_000) -> Stream:
    """Return sure hits, behind whose middle two of three are wrong."""
    labels = np.ones(2 * length, np.int8)
    labels[length:] = CHANCE.random(length) < 1 / 3
    return Stream(np.full(2 * length, 0.95), labels, length)


def test_the_bound_turns_a_scope_off_that_drifts_and_a_fixed_threshold_never_does() -> None:
    scores = CHANCE.random(12_000)
    terms = Terms(counts_of(scores, (scores > 0.1).astype(np.int8), np.arange(12_000)), 0.1)
    course = run_bound(a_drift(), terms, 1)
    assert 0 < course.requests < 4_000
    assert course.breaches == 1
    fixed = run_fixed(a_drift(), 0.9, 0.1)
    assert fixed.requests == NEVER
    assert fixed.wrong_most > 600
    assert run_fixed(a_drift(), 0.99, 0.1).requests == 0


def test_times_are_those_of_the_clock() -> None:
    ticks = iter(range(0, 10_000_000_000, 1_000_000))
    assert percentiles_ms(lambda number: None, 10, lambda: next(ticks)) == (1.0, 1.0)


def test_references_read_the_cosine_the_guards_and_all_features() -> None:
    features = np.zeros((400, len(FEATURE_NAMES)), np.float32)
    features[:, 0] = CHANCE.random(400)
    features[::2, FEATURE_NAMES.index("numbers_exchanged")] = 1.0
    labels = (features[:, 0] > 0.5).astype(np.int8)
    labels[::2] = 0
    assert by_cosine(features)[0] == pytest.approx((1 + features[0, 0]) / 2)
    assert by_guards(features)[::2].max() <= 0.1
    assert area(by_logistic(features, labels)(features), labels) > area(by_cosine(features), labels) + 0.1


def test_the_card_tells_each_measure_with_its_goal() -> None:
    line = Line("S1", "wrong share", "≤ 11 %", "≤ 7 %", {OURS: "17.0%", "cosine": "25.0%"}, reached=False)
    text = card([line], "today")
    assert "| S1 | wrong share | ≤ 11 % | ≤ 7 % | 17.0% | 25.0% | missed |" in text
    assert "today" in text


def test_the_encoder_stands_beside_ours_where_it_was_measured() -> None:
    lines = [Line(id_, "share", "", "", {OURS: "17%", "cosine": "25%"}, reached=False) for id_ in ("S1", "S5")]
    told = with_encoder(lines, [Line("S1", "share", "", "", {OURS: "14%"}, reached=False)])
    assert list(told[0].found.items()) == [(OURS, "17%"), (ENCODER, "14%"), ("cosine", "25%")]
    assert told[1] == lines[1]


def test_a_decision_is_timed_with_the_candidates_that_are_near_enough() -> None:
    artefact = packaged()
    assert artefact.verifier is not None
    verifier = TreeHitVerifier(artefact.verifier, artefact.static, "any")
    cached = [f"How do I bake {what}?" for what in ("bread", "bread", "a cake", "an apple pie")] + [""]
    found = time_decision(
        verifier, static_embedding(verifier), cached, ["How can I bake bread?", "", "Who won the chess title in 2011?"]
    )
    assert found.entries == 3, "each once, and none without an embedding"
    assert 0.5 <= found.judged < 3.0
    assert min(*found.served_ms, *found.all_ms) > 0.0
    assert f"({found.judged:.1f} judged)" in str(found)


def test_without_data_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache_quality", "--data", str(tmp_path), "--kept", str(tmp_path)]) == 1
    assert "qqp_pairs.jsonl.gz is not there" in capsys.readouterr().err
