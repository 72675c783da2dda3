"""Why an answer ended, in the words of either dialect."""

from typing import Any, Final

_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def stop_of(finish_reason: Any, matched: Any, *, calls: bool, refuses: bool) -> tuple[str, str | None]:
    """Return Anthropic's `stop_reason` and `stop_sequence`.

    `matched` is what vLLM and SGLang say beside a `finish_reason` of `stop`: the stop sequence that the answer came to,
    or a token's number. Other servers do not tell, and the answer then ended its turn.
    """
    if refuses:
        return "refusal", None
    reason = _REASONS.get(finish_reason, "end_turn") if isinstance(finish_reason, str) else "end_turn"
    if reason != "end_turn":
        return reason, None
    # Servers end an answer with `stop` whose one tool was forced.
    if calls:
        return "tool_use", None
    return ("stop_sequence", matched) if isinstance(matched, str) and matched else ("end_turn", None)
