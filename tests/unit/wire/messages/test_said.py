"""What a message says of its making, in the words of a chat."""

import pytest

from gateway.wire.messages.said import Details, Tokens, chat_usage, finish, is_known_end, updated


def test_a_prompt_includes_what_was_cached() -> None:
    usage = chat_usage(Tokens(10, 20, 60, 30, Details(5)))
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (100, 20, 120)
    assert usage["prompt_tokens_details"] == {"cached_tokens": 60, "cache_write_tokens": 30}
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 5}


def test_absurd_counts_are_none() -> None:
    usage = chat_usage(Tokens(-1, -1, -1, -1, Details(7)))
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (0, 0)
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 0}


def test_a_later_count_replaces_an_earlier_one() -> None:
    known = updated(Tokens(input_tokens=9, output_tokens=1), Tokens(output_tokens=7))
    assert (known.input_tokens, known.output_tokens) == (9, 7)
    assert updated(known, None) is known


@pytest.mark.parametrize(
    ("stop_reason", "told"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "stop"),
        (None, None),
    ],
)
def test_reasons(stop_reason: str | None, told: str | None) -> None:
    assert finish(stop_reason, None) == {"finish_reason": told}
    assert is_known_end(stop_reason) is (stop_reason not in (None, "pause_turn"))


def test_the_stop_sequence_goes_along() -> None:
    assert finish("stop_sequence", "END") == {"finish_reason": "stop", "stop_reason": "END"}
    assert finish("stop_sequence", None) == {"finish_reason": "stop"}
