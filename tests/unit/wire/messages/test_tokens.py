"""Tokens as Anthropic's API counts them."""

from gateway.domain.usage import TokenUsage
from gateway.wire.messages.tokens import tokens_of


def test_what_was_cached_is_counted_apart() -> None:
    told = tokens_of(TokenUsage(100, 20, 60, 5))
    assert (told["input_tokens"], told["cache_read_input_tokens"], told["output_tokens"]) == (40, 60, 20)
    assert told["input_tokens"] + told["cache_read_input_tokens"] + told["cache_creation_input_tokens"] == 100
    assert told["output_tokens_details"] == {"thinking_tokens": 5}
    written = tokens_of(TokenUsage(100, 20, 60, cache_write_tokens=30))
    assert (written["input_tokens"], written["cache_creation_input_tokens"]) == (10, 30)


def test_without_thoughts_nothing_is_said_of_them() -> None:
    assert "output_tokens_details" not in tokens_of(TokenUsage(1, 1))


def test_nothing_known_is_zeros() -> None:
    assert set(tokens_of(None).values()) == {0}
