"""Tokens of an answer, and their estimate where nobody counted."""

import pytest

from gateway.domain.usage import NO_USAGE, TokenUsage, UsageSource, tokens_in


@pytest.mark.parametrize(("size_bytes", "tokens"), [(0, 0), (1, 1), (3, 1), (4, 2), (36, 10), (37, 11), (3_600, 1_000)])
def test_bytes_are_taken_for_tokens_rounded_up(size_bytes: int, tokens: int) -> None:
    assert tokens_in(size_bytes) == tokens


def test_the_total_is_input_and_output() -> None:
    assert TokenUsage(7, 5, cached_input_tokens=3, reasoning_tokens=2).total_tokens == 12
    assert NO_USAGE.total_tokens == 0


def test_a_usage_is_the_servers_word_unless_said_otherwise() -> None:
    assert TokenUsage(1, 1).source is UsageSource.REPORTED


@pytest.mark.parametrize("cached", [-1, 8])
def test_cached_tokens_lie_within_the_input(cached: int) -> None:
    with pytest.raises(ValueError, match="cached input must lie within the input"):
        TokenUsage(7, 5, cached_input_tokens=cached)


@pytest.mark.parametrize("reasoning", [-1, 6])
def test_reasoning_tokens_lie_within_the_output(reasoning: int) -> None:
    with pytest.raises(ValueError, match="reasoning must lie within the output"):
        TokenUsage(7, 5, reasoning_tokens=reasoning)


@pytest.mark.parametrize("written", [-1, 5])
def test_what_was_written_to_a_cache_lies_within_the_rest_of_the_input(written: int) -> None:
    with pytest.raises(ValueError, match="must lie within the rest of the input"):
        TokenUsage(7, 5, cached_input_tokens=3, cache_write_tokens=written)


@pytest.mark.parametrize(("given", "made"), [(-1, 0), (0, -1)])
def test_a_usage_is_never_negative(given: int, made: int) -> None:
    with pytest.raises(ValueError, match="must lie within"):
        TokenUsage(given, made)
