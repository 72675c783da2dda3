"""Why an answer ended."""

from typing import Any

import pytest

from gateway.wire.messages.stops import stop_of


@pytest.mark.parametrize(
    ("finish_reason", "matched", "calls", "refuses", "told"),
    [
        ("stop", None, False, False, ("end_turn", None)),
        ("stop", 128_001, False, False, ("end_turn", None)),
        ("stop", "", False, False, ("end_turn", None)),
        ("stop", "END", False, False, ("stop_sequence", "END")),
        ("stop", "END", True, False, ("tool_use", None)),
        ("stop", None, False, True, ("refusal", None)),
        ("length", None, True, False, ("max_tokens", None)),
        ("tool_calls", None, True, False, ("tool_use", None)),
        ("function_call", None, True, False, ("tool_use", None)),
        ("content_filter", None, False, False, ("refusal", None)),
        ("eos", None, False, False, ("end_turn", None)),
        (None, None, False, False, ("end_turn", None)),
        ([], None, False, False, ("end_turn", None)),
    ],
)
def test_reasons(finish_reason: Any, matched: Any, calls: bool, refuses: bool, told: tuple[str, str | None]) -> None:
    assert stop_of(finish_reason, matched, calls=calls, refuses=refuses) == told
