"""The matrices of labels hold what is there, and know when their line has grown old."""

import numpy as np
import pytest

from gateway.adapters.label_line import line_of
from gateway.adapters.label_rows import LINE_LABELS, LabelRows
from gateway.core.neighbours import LINE_FROM, LINE_SOLVED_EVERY
from gateway.domain.ability import Ability, Score
from tests.support.labels import ALICE, a_label

ABILITY = Ability("test", 0.3, (1.0,), 0.1, 0.6, ())
OTHER = Ability("other", -0.3, (1.0,), 0.1, 0.6, ())
CHANCE = np.random.default_rng(6)


def filled(count: int, embedded: int = 3) -> LabelRows:
    rows = LabelRows(1, embedded)
    for number in range(count):
        put(rows, f"{number}", embedded)
    return rows


def put(rows: LabelRows, name: str, embedded: int = 3) -> None:
    embedding = CHANCE.integers(0, 256, embedded, np.uint8).tobytes()
    rows.put(a_label(name, float(CHANCE.random()), embedding=embedding, familiarity=0.8))


def exact(rows: LabelRows, ability: Ability = ABILITY) -> np.ndarray:
    every = slice(0, rows.count, -(-rows.count // LINE_LABELS))
    return line_of(rows.embeddings[every], rows.scores[every], rows.predicted(ability, every))


def test_few_labels_have_no_line_nor_have_labels_without_embeddings() -> None:
    rows = filled(LINE_FROM - 1)
    assert rows.line(ABILITY) is None
    put(rows, "one more")
    assert rows.line(ABILITY) == pytest.approx(exact(rows))
    assert filled(LINE_FROM, embedded=0).line(ABILITY) is None


def test_a_line_is_kept_until_one_label_in_so_many_is_another() -> None:
    rows = filled(LINE_FROM)
    first = rows.line(ABILITY)
    for number in range(LINE_FROM // LINE_SOLVED_EVERY - 1):
        rows.drop(ALICE, a_label(f"{number}").request_id)
        put(rows, f"new {number}")
        if 2 * (number + 1) * LINE_SOLVED_EVERY < rows.count:
            assert rows.line(ABILITY) is first
    renewed = rows.line(ABILITY)
    assert renewed is not first
    assert renewed == pytest.approx(exact(rows), abs=0.05)


def test_another_ability_has_another_line() -> None:
    rows = filled(LINE_FROM)
    first = rows.line(ABILITY)
    assert rows.line(OTHER) == pytest.approx(exact(rows, OTHER))
    assert first is not None
    assert rows.line(OTHER) != pytest.approx(first)


def test_of_very_many_labels_an_even_sample_makes_the_line() -> None:
    rows = filled(2 * LINE_LABELS + 1)
    assert rows.line(ABILITY) == pytest.approx(exact(rows))
    assert len(range(0, rows.count, -(-rows.count // LINE_LABELS))) < LINE_LABELS


def test_a_score_with_another_embedding_has_no_vector_here() -> None:
    rows = filled(2)
    found = rows.vector_of(Score((0.0,), 1.0, "test", embedding=b"\x03\x00\x04"))
    assert found == pytest.approx([0.6, 0.0, 0.8])
    assert rows.vector_of(Score((0.0,), 1.0, "test", embedding=b"\x03")) is None
    assert LabelRows(1, 0).vector_of(Score((0.0,), 1.0, "test")) is None
