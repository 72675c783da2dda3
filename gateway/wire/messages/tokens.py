"""What an answer used, as Anthropic's API counts: `input_tokens` leaves out what was read from a cache, or written."""

from typing import Any

from gateway.domain.usage import NO_USAGE, TokenUsage


def tokens_of(usage: TokenUsage | None) -> dict[str, Any]:
    """Write a usage as that of a message; zeros where nothing is known of it."""
    known = usage or NO_USAGE
    counts: dict[str, Any] = {
        "input_tokens": known.input_tokens - known.cached_input_tokens - known.cache_write_tokens,
        "cache_creation_input_tokens": known.cache_write_tokens,
        "cache_read_input_tokens": known.cached_input_tokens,
        "output_tokens": known.output_tokens,
    }
    if known.reasoning_tokens:
        counts["output_tokens_details"] = {"thinking_tokens": known.reasoning_tokens}
    return counts
