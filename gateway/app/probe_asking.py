"""Ask one model server one probe, and say in plain words what went wrong where it did."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import httpx

from gateway.domain.tier import Endpoint, Tier
from gateway.domain.usage import TokenUsage, tokens_in
from gateway.ports import Clock, UpstreamTransport, ready_request
from gateway.wire.headers import retry_after_s
from gateway.wire.openai_response import AnswerMalformed, read_answer
from gateway.wire.upstream_error import connection_words, read_error

ANSWER_BYTES_MAX: Final = 8 * 1024 * 1024
"""Of one answer with everything around it; the longest that is asked for has tens of kilobytes."""
_BUSY: Final = frozenset({408, 425, 429, 503})


class Fault(StrEnum):
    """What a server did in place of answering."""

    DOWN = "down"
    """No connection, or none that lasted."""
    SLOW = "slow"
    """No answer within the tier's `limits.answer`."""
    BUSY = "busy"
    """It asks to come again later."""
    BROKEN = "broken"
    """It failed, or what it sent is no answer."""
    REFUSED = "refused"
    """It does not accept the key."""
    UNKNOWN_MODEL = "unknown_model"
    """It does not know the model, or has no such path."""
    REJECTED = "rejected"
    """It does not take this request."""


class NotAnswered(Exception):
    """A server did not answer. `fault` says how, `wait_s` how long it asks to be left alone."""

    def __init__(self, fault: Fault, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.fault = fault
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered; `is_cut` tells that the answer ended at its limit."""

    text: str
    usage: TokenUsage
    is_cut: bool


@dataclass(slots=True)
class Manners:
    """How servers of a tier want to be asked; learnt from what they reject. Some take no temperature, or call the
    limit of tokens by its newer name.
    """

    limit_name: str = "max_tokens"
    with_temperature: bool = True

    def learn(self, said: str) -> bool:
        """Take a rejection in; tell whether asking again in another way may help."""
        if self.limit_name == "max_tokens" and "max_completion_tokens" in said:
            self.limit_name = "max_completion_tokens"
            return True
        if self.with_temperature and "temperature" in said:
            self.with_temperature = False
            return True
        return False


async def ask(
    tier: Tier,
    endpoint: Endpoint,
    prompt: str,
    max_tokens: int,
    *,
    manners: Manners,
    transports: Mapping[str, UpstreamTransport],
    clock: Clock,
) -> Reply:
    """Ask at temperature 0, and return the answer. Raises NotAnswered. Safe to cancel."""
    body: dict[str, object] = {
        "model": tier.model,
        "messages": [{"role": "user", "content": prompt}],
        manners.limit_name: max_tokens,
    }
    if manners.with_temperature:
        body["temperature"] = 0
    headers = [(b"content-type", b"application/json"), (b"accept", b"application/json")]
    headers.append((b"accept-encoding", b"identity"))
    if endpoint.api_key is not None:
        headers.append((b"authorization", b"Bearer " + endpoint.api_key.reveal().encode()))
    url = httpx.URL(f"{endpoint.base_url}/chat/completions")
    request = ready_request(url, headers, json.dumps(body).encode(), connect_timeout_s=tier.limits.connect_s)
    try:
        async with asyncio.timeout(tier.limits.answer_s):
            status, raw, wait_s = await _exchange(transports[endpoint.transport], request, clock)
    except TimeoutError:
        message = f"no answer within {tier.limits.answer_s:g} s, the limits.answer of the tier"
        raise NotAnswered(Fault.SLOW, message) from None
    except httpx.TransportError as error:
        raise NotAnswered(Fault.DOWN, connection_words(str(error)) or type(error).__name__) from error
    if not 200 <= status < 300:
        raise _refusal(status, raw, wait_s)
    return _reply(raw, prompt)


async def _exchange(
    transport: UpstreamTransport, request: httpx.Request, clock: Clock
) -> tuple[int, bytes, float | None]:
    response = await transport.handle_async_request(request)
    parts, size_bytes = [], 0
    try:
        async for part in response.aiter_raw():
            size_bytes += len(part)
            if size_bytes > ANSWER_BYTES_MAX:
                raise NotAnswered(Fault.BROKEN, f"an answer of more than {ANSWER_BYTES_MAX} bytes")
            parts.append(part)
    finally:
        await response.aclose()
    return response.status_code, b"".join(parts), retry_after_s(response.headers.raw, clock.wall_s())


def _refusal(status: int, raw: bytes, wait_s: float | None) -> NotAnswered:
    said = _said(raw)
    message = f"answered {status}{f': {said}' if said else ''}"
    if status in {401, 403}:
        return NotAnswered(Fault.REFUSED, message)
    if status == 404 or (status == 400 and "model" in said.lower() and "not" in said.lower()):
        return NotAnswered(Fault.UNKNOWN_MODEL, message)
    if status in _BUSY:
        return NotAnswered(Fault.BUSY, message, wait_s)
    return NotAnswered(Fault.BROKEN if status >= 500 else Fault.REJECTED, message, wait_s)


def _said(raw: bytes) -> str:
    try:
        error = read_error(json.loads(raw))
    except (ValueError, RecursionError):
        return ""
    return "" if error is None else error.message


def _reply(raw: bytes, prompt: str) -> Reply:
    try:
        answer = read_answer(raw)
        if answer.error is not None:
            raise NotAnswered(Fault.BROKEN, answer.error)
        document = json.loads(raw.decode("utf-8", "replace"))
        text = document["choices"][0]["message"]["content"]
    except (AnswerMalformed, ValueError, KeyError, IndexError, TypeError) as error:
        raise NotAnswered(Fault.BROKEN, f"what it sent is no chat completion ({error})") from error
    # Content may be null, where all went into thinking, or into a tool call; that is an answer, and an empty one.
    text = text if isinstance(text, str) else ""
    usage = answer.usage or TokenUsage(tokens_in(len(prompt.encode())), tokens_in(len(text.encode())))
    return Reply(text, usage, is_cut=answer.finish_reason == "length")
