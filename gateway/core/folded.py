"""The two formulae around the folded table, shared by training and serving."""

import math
from typing import Final

WORD_DAMPING: Final = 4.0
"""Added to the squared length of a text's word vector before the root: a text of one word does not count in full."""

FULLY_KNOWN_SHARE: Final = 0.75
"""Share of known words from which a text is familiar: 98 % of held-out English prompts lie above it."""

UNKNOWN_SHARE: Final = 0.4
"""Share of known words at and below which a text is unknown; other European languages share up to half with English."""

TURN_DISCOUNT: Final = 0.95
MAX_DISCOUNTED_TURNS: Final = 10
"""The model was trained on single turns, so every further turn lets it claim a little less, down to 0.6."""

GROUND_SHARE: Final = 0.3
"""Of what a text's content says, so much is believed however unlike it is to all that was trained on. Chosen on former
features, as the best of 0, 0.2, 0.3 and 0.4 over three kinds of task left out of training."""


def word_scale(squared_length: float) -> float:
    """Return the factor that brings a sum of word rows to (damped) unit length."""
    return 1.0 / math.sqrt(squared_length + WORD_DAMPING)


def familiarity(known_words: float, distinct_words: int, turns: int) -> float:
    """Say how much of a request the model has seen, 0..1: linear in the share of its distinct words that it knows."""
    if distinct_words == 0:
        return 0.0
    share = (known_words / distinct_words - UNKNOWN_SHARE) / (FULLY_KNOWN_SHARE - UNKNOWN_SHARE)
    if share <= 0.0:
        return 0.0
    return min(share, 1.0) * turn_discount(turns)


def turn_discount(turns: int) -> float:
    """Return the factor on what is claimed of a conversation of so many turns."""
    further = min(max(turns - 1, 0), MAX_DISCOUNTED_TURNS)
    return float(TURN_DISCOUNT**further)


def likeness_rise(likeness: float, low: float, high: float) -> float:
    """Say where a text's likeness to what is known lies between two bounds: 0 up to the lower, 1 from the upper on."""
    return min(max((likeness - low) / (high - low), 0.0), 1.0)


def content_share(rise: float) -> float:
    """Say how far a text's content is believed, against what its length alone says: linear in its likeness."""
    return GROUND_SHARE + (1.0 - GROUND_SHARE) * rise
