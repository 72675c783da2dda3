"""What becomes of a request whose answer others wait for, and who may ask for an answer that nobody has yet."""

from enum import Enum

from gateway.domain.identity import CachedAnswer
from gateway.domain.noun import noun


class Ending(Enum):
    """What became of a flight."""

    KEPT = "kept"
    """Its answer is good for everybody."""
    NOT_KEPT = "not_kept"
    """It has an answer that the cache's rules let nobody else have: whoever follows asks for itself."""
    FAILED = "failed"
    """It has none. The next one leads."""


@noun
class Claim:
    """What a store says to who would ask for an answer: there is one, or ask, or another worker does so already."""

    answer: CachedAnswer | None
    leads: bool


@noun
class Landing:
    """How what another worker asked for ended. `answer` is there if it is `Ending.KEPT`."""

    ending: Ending
    answer: CachedAnswer | None = None
