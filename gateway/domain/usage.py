"""Tokens of one answer, in one canonical form whatever dialect reported them."""

from enum import StrEnum

from gateway.domain.noun import noun


class UsageSource(StrEnum):
    """How far a usage can be trusted."""

    REPORTED = "reported"
    """The model server said so."""
    COUNTED = "counted"
    """We counted what passed: one streamed content chunk is taken as one token."""
    ESTIMATED = "estimated"
    """Derived from sizes: `BYTES_PER_TOKEN` bytes a token."""


BYTES_PER_TOKEN = 3.6
"""English text over the common tokenizers, rounded down so that an estimate errs on the dear side."""


@noun
class TokenUsage:
    """Token counts. `reasoning_tokens` are part of `output_tokens`.

    `cached_input_tokens` and `cache_write_tokens` are parts of `input_tokens` that do not overlap: what was read from a
    cache, and what was written to one, for which some vendors ask more.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    source: UsageSource = UsageSource.REPORTED
    cache_write_tokens: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.cached_input_tokens <= self.input_tokens:
            raise ValueError(f"cached input must lie within the input: {self}")
        if not 0 <= self.reasoning_tokens <= self.output_tokens:
            raise ValueError(f"reasoning must lie within the output: {self}")
        if not 0 <= self.cache_write_tokens <= self.input_tokens - self.cached_input_tokens:
            raise ValueError(f"what was written to a cache must lie within the rest of the input: {self}")

    @property
    def total_tokens(self) -> int:
        """Input and output together, as OpenAI's `total_tokens`."""
        return self.input_tokens + self.output_tokens


NO_USAGE = TokenUsage(0, 0)


def tokens_in(size_bytes: int) -> int:
    """Estimate the tokens in that many bytes of text, rounded up; 0 only for 0 bytes."""
    return -(-size_bytes * 10 // int(BYTES_PER_TOKEN * 10))
