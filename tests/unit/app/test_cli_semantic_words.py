"""What the look for the same question in other words came to, in words."""

from dataclasses import replace

import pytest

from gateway.app.cli_semantic_words import other_words
from gateway.domain.semantic import SemanticBar, SemanticEnd, SemanticFinding
from tests.support.receipt_samples import A_NEAR_MISS


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (SemanticFinding(SemanticEnd.BARRED, SemanticBar.TOO_LONG), "not compared: too long"),
        (SemanticFinding(SemanticEnd.NOTHING), "nothing like it was asked"),
        (
            A_NEAR_MISS,
            "not certain to have the same answer; probability 0.410 (0.930 is wanted), cosine 0.970; "
            "numbers differ: 2025 / 2024",
        ),
        (replace(A_NEAR_MISS, threshold=None, agrees=False), "nothing is served at present), cosine 0.970"),
        (replace(A_NEAR_MISS, agrees=False), "the model said something else"),
        (replace(A_NEAR_MISS, end=SemanticEnd.SHADOW, agrees=True), "the model said the same"),
    ],
)
def test_a_look_is_told_with_its_reasons(finding: SemanticFinding, said: str) -> None:
    assert said in other_words(finding)
