"""How hard a request is, over ordered levels."""

from gateway.domain.noun import noun


@noun
class Difficulty:
    """`share` is that of the reference models which are expected to fail.

    `probabilities` are of the levels, the easiest first; `mean_level` is counted from 0, and `confidence` (0..1) says
    how far they are gathered around the likeliest.
    """

    share: float
    probabilities: tuple[float, ...]
    mean_level: float
    confidence: float
