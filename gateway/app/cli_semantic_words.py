"""What the look for the same question in other words came to, in words."""

from typing import Final

from gateway.domain.semantic import SemanticEnd, SemanticFinding

_SOUGHT: Final = {
    SemanticEnd.UNREAD: "the question has no embedding",
    SemanticEnd.NOTHING: "nothing like it was asked",
    SemanticEnd.REFUSED: "the nearest question is not certain to have the same answer",
    SemanticEnd.GONE: "the answer to the same question is gone, or too old for the caller",
    SemanticEnd.SHADOW: "there is an answer to the same question, and a model was asked to compare",
    SemanticEnd.HIT: "the answer to the same question was given",
}


def other_words(finding: SemanticFinding) -> str:
    """Say what the look for the same question in other words came to."""
    if finding.bar is not None:
        return f"not compared: {finding.bar.replace('_', ' ')}"
    said = [_SOUGHT[finding.end]]
    if finding.probability is not None:
        wanted = "nothing is served at present" if finding.threshold is None else f"{finding.threshold:.3f} is wanted"
        said.append(f"probability {finding.probability:.3f} ({wanted}), cosine {finding.cosine:.3f}")
    said += finding.differences
    if finding.agrees is not None:
        said.append("the model said the same" if finding.agrees else "the model said something else")
    return "; ".join(said)
