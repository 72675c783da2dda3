"""What a client is told when no server answered, or an answer broke off: what happened, and what to do about it."""

import math
from typing import Final

from gateway.domain.errors import ErrorCode, GatewayError
from gateway.domain.ids import RequestId
from gateway.domain.outcome import FailureKind, NoRetry, Outcome
from gateway.pipeline.interpreter import Interpreter

_BUSY_FOR_S: Final = 1.0
"""When to ask again where a busy server named no time: about the length of the shortest answers."""

_LIMITED: Final = {
    NoRetry.RETRY_BUDGET: " Retries are limited for now.",
    NoRetry.COST_STORM: " Dearer tiers take no more of such requests for now.",
}


def rejection(exchange: Interpreter, request_id: RequestId) -> GatewayError:
    """Say why nothing could be answered: in the server's words if it found fault with the request, else in ours."""
    assert exchange.rejection is not None
    code, last = exchange.rejection.code, exchange.attempts[-1]
    if last.error is not None and last.error.told is not None:
        return last.error.told
    retry_after_s = exchange.rejection.retry_after_s
    if retry_after_s is None and last.error is not None:
        retry_after_s = last.error.retry_after_s
    if code is ErrorCode.TIER_UNAVAILABLE and retry_after_s is None:
        retry_after_s = _BUSY_FOR_S
    tried = "; ".join(f"{one.tier.name}: {one.detail or one.failure}" for one in exchange.attempts)
    limited = _LIMITED.get(exchange.rejection.why, "")
    message = f"No model server gave an answer. Tried {tried}.{limited} {advice(code, request_id, retry_after_s)}"
    return GatewayError(code, message, retry_after_s=retry_after_s)


def advice(code: ErrorCode, request_id: RequestId, retry_after_s: float | None) -> str:
    """Say what the caller can do. A wait is told as the header `retry-after` tells it, in whole seconds."""
    if code is ErrorCode.DEADLINE_EXCEEDED:
        return "Its time was up. Lower max_tokens, or allow it more time."
    if retry_after_s is not None:
        return f"All are busy or down; try again in {math.ceil(retry_after_s)} s."
    if_it_lasts = f"if that does not help, tell the gateway's operators the request id {request_id}."
    if code is ErrorCode.UPSTREAM_TIMEOUT:
        return f"Ask for less at once (a shorter prompt, a lower max_tokens), or try again in a while; {if_it_lasts}"
    return f"Try again in a while; {if_it_lasts}"


def interruption(exchange: Interpreter) -> GatewayError:
    """Say that the answer is incomplete, to a client that has read some of it."""
    if exchange.outcome is Outcome.DEADLINE:
        message = "The answer is incomplete: its time was up. Lower max_tokens, or allow it more time."
        return GatewayError(ErrorCode.DEADLINE_EXCEEDED, message)
    assert exchange.committed is not None, "only a committed answer is broken off"
    if exchange.committed.failure is FailureKind.STALLED:
        limit_s = exchange.committed.tier.limits.stall_s
        told = f"the model server sent nothing for {limit_s:g} s, its tier's limit"
        message = f"The answer is incomplete: {told} (limits.stall). Ask again for a whole one."
        return GatewayError(ErrorCode.STREAM_STALLED, message)
    message = f"The answer is incomplete: {exchange.committed.detail}. Ask again for a whole one."
    return GatewayError(ErrorCode.STREAM_INTERRUPTED, message)
