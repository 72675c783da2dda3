"""What a server of the Responses API says, in the words of a chat."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from gateway.wire.openai_response import AnswerMalformed
from gateway.wire.responses.lenient import load_leniently
from gateway.wire.upstream_error import read_error
from gateway.wire.usage import ReportedUsage, TokenDetails, usage_from, usage_object

_DECODER = msgspec.json.Decoder(dict[str, Any])
_TIME_MAX_S: Final = 2**53
_CHAT, _RESPONSE = "chatcmpl-", "resp_"
_FINISHED_FOR: Final = {"max_output_tokens": "length", "content_filter": "content_filter"}
BETWEEN_PARTS: Final = "\n\n"
"""What stands between two parts of what a model thought, since a chat has one text for all of it."""


def object_of(value: Any) -> dict[str, Any]:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects_in(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, none for anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def word_in(value: dict[str, Any], name: str) -> str:
    """Return a member that is text; empty for anything else."""
    word = value.get(name)
    return word if isinstance(word, str) else ""


def load(body: bytes) -> dict[str, Any]:
    """Decode an object as leniently as can be: characters that are none become question marks.

    Raises AnswerMalformed where it is none, or nests beyond measure.
    """
    try:
        return _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = load_leniently(body)
    if value is None:
        raise AnswerMalformed("the answer is not a JSON object")
    return value


def head_of(response: dict[str, Any], created_s: int) -> dict[str, Any]:
    """Return what a chat's answer and all its chunks have alike; `created_s` is told where the response has no time."""
    created = response.get("created_at")
    if not isinstance(created, int | float) or not 0 <= created < _TIME_MAX_S:
        created = created_s
    return {
        "id": _CHAT + word_in(response, "id").removeprefix(_RESPONSE),
        "created": int(created),
        "model": word_in(response, "model"),
    }


def finish_of(response: dict[str, Any], *, calls: bool) -> str:
    """Return why an answer ended, by a chat's name for it."""
    if response.get("status") == "incomplete":
        return _FINISHED_FOR.get(word_in(object_of(response.get("incomplete_details")), "reason"), "length")
    return "tool_calls" if calls else "stop"


def usage_of(response: dict[str, Any]) -> dict[str, Any] | None:
    """Return the usage as a chat's; None where there is none, or an absurd one."""
    told = object_of(response.get("usage"))
    of_input = object_of(told.get("input_tokens_details"))
    cached, written = _count(of_input, "cached_tokens"), _count(of_input, "cache_write_tokens")
    thought = _count(object_of(told.get("output_tokens_details")), "reasoning_tokens")
    usage = usage_from(
        ReportedUsage(
            _count(told, "input_tokens"),
            _count(told, "output_tokens"),
            TokenDetails(cached_tokens=cached, cache_write_tokens=written),
            TokenDetails(reasoning_tokens=thought),
        )
    )
    return None if usage is None else usage_object(usage)


def error_of(told: dict[str, Any]) -> dict[str, Any]:
    """Return the error of a failed response or of an error's event, as a chat's body."""
    said = read_error(told) or read_error({"error": told})
    assert said is not None, "under that name every object is an error"
    return {"error": {"message": said.message, "type": said.type, "param": said.param, "code": said.code}}


def thoughts_in(item: dict[str, Any]) -> list[str]:
    """Return what an item says that the model thought: its own words where they are there, else their summary."""
    words = objects_in(item.get("content")) or objects_in(item.get("summary"))
    return [text for part in words if (text := word_in(part, "text"))]


def carries(item: dict[str, Any]) -> bool:
    """Tell whether a chat can say everything that an item says."""
    kind = item.get("type")
    if kind == "message":
        return all(_carries_part(part) for part in objects_in(item.get("content")))
    if kind == "function_call":
        return item.get("namespace") is None
    return kind == "reasoning" and not item.get("encrypted_content") and not _says_twice(item)


def odds_of(part: dict[str, Any]) -> dict[str, Any]:
    """Return the member of a chat's choice that tells how likely its tokens were, if that is told."""
    tokens = objects_in(part.get("logprobs"))
    return {"logprobs": {"content": tokens, "refusal": None}} if tokens else {}


def call_of(item: dict[str, Any], arguments: str) -> dict[str, Any]:
    """Return a call of a function, with what is known of its arguments."""
    function = {"name": word_in(item, "name"), "arguments": arguments}
    return {"id": word_in(item, "call_id"), "type": "function", "function": function}


def said_in(item: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield what a message says: the chat's name for the kind, the words, and the part."""
    for part in objects_in(item.get("content")):
        if part.get("type") == "output_text":
            yield "content", word_in(part, "text"), part
        elif part.get("type") == "refusal":
            yield "refusal", word_in(part, "refusal"), part


def _carries_part(part: dict[str, Any]) -> bool:
    return part.get("type") == "refusal" or (part.get("type") == "output_text" and not part.get("annotations"))


def _says_twice(item: dict[str, Any]) -> bool:
    return bool(objects_in(item.get("content"))) and bool(objects_in(item.get("summary")))


def _count(told: dict[str, Any], name: str) -> int:
    count = told.get(name)
    return count if isinstance(count, int) else 0
