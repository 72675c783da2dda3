"""Which edits are left out of which fit: whole families, and whole capabilities (kinds)."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from router_models.verifier.pairs import Mask, Pairs

FAMILY_FOLDS: Final = 5
SERVABLE: Final = ("paraphrase", "typo", "contraction")
"""Kinds of edits after which one answer does, and of which most must be served."""


def shipped_mask(edits: Pairs) -> Mask:
    """Return the edits that the shipped verifier is fitted on."""
    return np.asarray(edits.splits == "train")


def family_folds(edits: Pairs) -> Mapping[str, Mask]:
    """Return the edits that each fold tests, by its name: a fifth of the families, dealt out in their order by name."""
    families = sorted(set(edits.families.tolist()))
    dealt = {family: at % FAMILY_FOLDS for at, family in enumerate(families)}
    fold = np.array([dealt[family] for family in edits.families.tolist()])
    return {f"families {number + 1} of {FAMILY_FOLDS}": fold == number for number in range(FAMILY_FOLDS)}


def kind_folds(edits: Pairs) -> Mapping[str, Mask]:
    """Return the edits of each kind with wrong answers, by its name."""
    wrong = sorted(set(edits.kinds[edits.labels == 0].tolist()))
    return {f"kind {kind}": np.asarray(edits.kinds == kind) for kind in wrong}
