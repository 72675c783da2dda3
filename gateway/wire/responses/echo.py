"""What a response repeats of its request, or says of what it was not asked for."""

from typing import Any

import msgspec
from msgspec import Struct


# gc=False: these hold no cycles, and live for one answer.
class _Asked(Struct, gc=False):
    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    prompt_cache_key: Any = None
    reasoning: dict[str, Any] | None = None
    safety_identifier: Any = None
    temperature: float | None = None
    text: dict[str, Any] | None = None
    tool_choice: Any = None
    tools: list[dict[str, Any]] | None = None
    top_logprobs: int | None = None
    top_p: float | None = None
    truncation: str | None = None
    user: Any = None


_DECODER = msgspec.json.Decoder(_Asked)
_NO_TOOL = {"description": None, "parameters": None, "strict": None}


def echo(body: bytes) -> bytes:
    """Return these members as JSON without the braces. `body` must be a request that `to_chat` takes."""
    asked = _DECODER.decode(body)
    members = {
        **msgspec.structs.asdict(asked),
        "background": False,
        "metadata": asked.metadata or {},
        "parallel_tool_calls": asked.parallel_tool_calls is not False,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None, **(asked.reasoning or {})},
        # Nothing is kept to be fetched by its identifier.
        "store": False,
        "text": {"format": {"type": "text"}, **_given(asked.text)},
        "tool_choice": "auto" if asked.tool_choice is None else asked.tool_choice,
        "tools": [{**_NO_TOOL, **tool} for tool in asked.tools or ()],
        "truncation": asked.truncation or "disabled",
    }
    return msgspec.json.encode(members)[1:-1]


def _given(members: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (members or {}).items() if value is not None}
