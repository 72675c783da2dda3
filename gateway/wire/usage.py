"""Token counts as servers report them, and as clients expect them."""

from typing import Any

from msgspec import Struct

from gateway.domain.usage import TokenUsage

TOKENS_MAX = 2**31 - 1
"""Beyond this a report is no count, but a fault."""


class TokenDetails(Struct, gc=False):
    """The parts of a count."""

    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None


class ReportedUsage(Struct, gc=False):
    """OpenAI's `usage`, which vLLM, SGLang and llama.cpp share; at the end as OpenAI's newer APIs name the same."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: TokenDetails | None = None
    completion_tokens_details: TokenDetails | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: TokenDetails | None = None
    total_tokens: int | None = None
    """All that Jina's servers tell of an answer that no model wrote."""


class Timings(Struct, gc=False):
    """What llama.cpp says where it gives no `usage`. `prompt_n` leaves out what came from its cache."""

    prompt_n: int | None = None
    cache_n: int | None = None
    predicted_n: int | None = None


def usage_from(reported: ReportedUsage) -> TokenUsage | None:
    """Return the usage in canonical form, or None where it is absurd: negative, or beyond `TOKENS_MAX`."""
    of_prompt = reported.prompt_tokens_details or reported.input_tokens_details
    cached, written = (of_prompt.cached_tokens, of_prompt.cache_write_tokens) if of_prompt else (0, 0)
    reasoning = reported.completion_tokens_details.reasoning_tokens if reported.completion_tokens_details else 0
    input_tokens = reported.prompt_tokens or reported.input_tokens or 0
    output_tokens = reported.completion_tokens or reported.output_tokens or 0
    if not input_tokens and not output_tokens:
        input_tokens = reported.total_tokens or 0
    return _usage(input_tokens, output_tokens, cached or 0, reasoning or 0, written or 0)


def usage_from_timings(timings: Timings) -> TokenUsage | None:
    """Return the usage in canonical form, or None where it is absurd."""
    cached = timings.cache_n or 0
    return _usage((timings.prompt_n or 0) + cached, timings.predicted_n or 0, cached, 0)


def widest(one: TokenUsage | None, other: TokenUsage | None) -> TokenUsage | None:
    """Return the larger count of each field: some servers report zeros first, others a growing count."""
    if one is None or other is None:
        return one or other
    input_tokens = max(one.input_tokens, other.input_tokens)
    cached = max(one.cached_input_tokens, other.cached_input_tokens)
    return TokenUsage(
        input_tokens,
        max(one.output_tokens, other.output_tokens),
        cached,
        max(one.reasoning_tokens, other.reasoning_tokens),
        cache_write_tokens=min(max(one.cache_write_tokens, other.cache_write_tokens), input_tokens - cached),
    )


def usage_object(usage: TokenUsage) -> dict[str, Any]:
    """Return the usage as OpenAI's object."""
    of_prompt = {"cached_tokens": usage.cached_input_tokens}
    if usage.cache_write_tokens:
        of_prompt["cache_write_tokens"] = usage.cache_write_tokens
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": of_prompt,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _usage(input_tokens: int, output_tokens: int, cached: int, reasoning: int, written: int = 0) -> TokenUsage | None:
    counts = (input_tokens, output_tokens, cached, reasoning, written)
    if min(counts) < 0 or max(counts) > TOKENS_MAX or not any(counts[:2]):
        return None
    cached = min(cached, input_tokens)
    written = min(written, input_tokens - cached)
    return TokenUsage(input_tokens, output_tokens, cached, min(reasoning, output_tokens), cache_write_tokens=written)
