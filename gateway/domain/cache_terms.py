"""What a route allows of its cache."""

from typing import Final

from gateway.domain.noun import noun

ANSWER_BYTES_MAX: Final = 1024 * 1024
"""Answers beyond a mebibyte are rare and cost every other call on the connection its place. No store keeps larger."""

PPM: Final = 1_000_000
"""Parts of a whole, in which shares of money are counted."""


@noun
class CacheTerms:
    """Which answers may be kept and given again, for how long, and at what price.

    `ttl_s` None switches the cache off; answers to requests hotter than `max_temperature` are neither stored nor
    served. `hit_price_ppm` is the share of its tier's price that a kept answer is charged at. `coalesces` lets requests
    share one answer that are the same and under way at once.
    """

    ttl_s: float | None
    max_temperature: float
    tool_calls: bool = False
    answer_bytes_max: int = ANSWER_BYTES_MAX
    hit_price_ppm: int = 0
    coalesces: bool = True
