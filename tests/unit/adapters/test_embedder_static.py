"""Questions by the difficulty model's table: like ones lie near to each other, and what has no place has none."""

import numpy as np
import pytest

from gateway.adapters.artefact import load_artefact, shipped_artefact
from gateway.adapters.embedder_static import StaticEmbedder, quantised
from gateway.adapters.semantic_rows import unit_of


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    return StaticEmbedder(load_artefact(shipped_artefact()).static, "static 1")


async def cosine(embedder: StaticEmbedder, first: str, second: str) -> float:
    units = []
    for text in (first, second):
        vector = await embedder.embed(text)
        assert vector is not None
        unit = unit_of(vector, embedder.width)
        assert unit is not None
        units.append(unit)
    return float(units[0] @ units[1])


async def test_like_questions_lie_near_and_others_do_not(embedder: StaticEmbedder) -> None:
    asked = "How can I reset the password of a router?"
    assert await cosine(embedder, asked, asked) == pytest.approx(1.0)
    near = await cosine(embedder, asked, "How do I reset a router's password?")
    assert near > 0.75
    assert await cosine(embedder, asked, "Which vegetables grow in the shade?") < near - 0.1


@pytest.mark.parametrize("text", ["", " \n", "字" * 600])
async def test_a_text_without_pieces_or_with_too_many_has_no_embedding(embedder: StaticEmbedder, text: str) -> None:
    assert await embedder.embed(text) is None


@pytest.mark.parametrize("odd", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_case_47_a_vector_without_a_direction_is_none(odd: list[float]) -> None:
    with pytest.raises(ValueError, match="direction"):
        quantised(np.array(odd, np.float32))


def test_the_largest_number_takes_all_the_room_there_is() -> None:
    assert np.frombuffer(quantised(np.array([0.1, -0.2, 0.05], np.float32)), np.int8).tolist() == [64, -127, 32]
