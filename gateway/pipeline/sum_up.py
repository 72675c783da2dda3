"""What an exchange came to: what each of its attempts used, cost and wasted."""

from gateway.core.accounting import best_usage, together
from gateway.domain.outcome import OF_THE_ANSWER, FailureKind
from gateway.domain.receipt import AttemptReport
from gateway.domain.request import CanonicalRequest
from gateway.domain.usage import NO_USAGE, TokenUsage, UsageSource
from gateway.pipeline.account import price
from gateway.pipeline.attempt import Attempt
from gateway.pipeline.interpreter import Interpreter
from gateway.pipeline.journey import Relayed, Trail
from gateway.pipeline.opened import Opened
from gateway.pipeline.world import World

_GIVEN_UP = (None, FailureKind.TTFT)
"""How a call ends that we broke off while its server was at work on it."""


def sum_up(trail: Trail, exchange: Interpreter, given: Attempt | None, world: World, *, answer: bytes) -> None:
    """Write down how the exchange ended, `given` being the attempt whose answer was given, and price it."""
    assert trail.canonical is not None, "only what was understood is dispatched"
    request, attempts = trail.canonical.request, exchange.attempts
    now_s, zero_s = trail.last_byte_s or world.clock.now_s(), trail.arrival.received_s
    for attempt in attempts:
        attempt.end(now_s, None, "" if attempt is given else "given up")
    opened = None if given is None else given.opened
    usage = NO_USAGE if opened is None else _usage(request, opened)
    refused = [one for one in attempts if one is not given and one.failure in OF_THE_ANSWER]
    billed = (
        usage if not refused else together([usage, *(_usage(request, one.opened) for one in refused if one.opened)])
    )
    relayed = Relayed(
        tier=None if given is None else given.tier,
        attempts=tuple([_report(one, request, zero_s, usage if one is given else None) for one in attempts]),
        usage=usage,
        billed=billed,
        finish_reason=None if opened is None else _finish_reason(opened),
        has_tool_calls=opened is not None and _has_tool_calls(opened),
        served_model=None if given is None else given.tier.model,
        first_content_s=None if given is None else given.first_content_s,
        upstream_s=now_s - (attempts[0].started_s if attempts else now_s),
        # What a chat cannot say would be missing from what is kept.
        answer=answer if opened is None or opened.is_lossless() else b"",
        no_retry=None if exchange.rejection is None else exchange.rejection.why,
    )
    trail.relayed = relayed
    price(trail, relayed)


def _report(attempt: Attempt, request: CanonicalRequest, zero_s: float, usage: TokenUsage | None) -> AttemptReport:
    """Report an attempt with its price. `usage` is what the answer that was given used."""
    tier, charge_usd_nano, waste_usd_nano = attempt.tier, 0, 0
    if usage is not None:
        charge_usd_nano = tier.price.charge_usd_nano(usage)
    elif attempt.failure in OF_THE_ANSWER and attempt.opened is not None:
        charge_usd_nano = tier.price.charge_usd_nano(_usage(request, attempt.opened))
    elif attempt.failure in _GIVEN_UP:
        waste_usd_nano = tier.price.charge_usd_nano(_wasted(request, attempt.opened))
    return attempt.report(zero_s, charge_usd_nano, waste_usd_nano)


def _wasted(request: CanonicalRequest, opened: Opened | None) -> TokenUsage:
    """Estimate what a call used that was given up: its whole prompt, and of an answer what was seen of it."""
    chunks = 0 if opened is None or opened.scanner is None else opened.scanner.content_chunks
    return TokenUsage(request.input_tokens, chunks, source=UsageSource.ESTIMATED)


def _usage(request: CanonicalRequest, opened: Opened) -> TokenUsage:
    input_tokens = request.input_tokens
    if opened.scanner is not None:
        chunks = opened.scanner.content_chunks
        return best_usage(opened.scanner.usage, input_tokens=input_tokens, content_chunks=chunks, content_bytes=0)
    assert opened.answer is not None
    # Vectors are no tokens, however many bytes they take.
    size_bytes = len(opened.body) if request.operation.is_written else 0
    return best_usage(opened.answer.usage, input_tokens=input_tokens, content_chunks=0, content_bytes=size_bytes)


def _finish_reason(opened: Opened) -> str | None:
    if opened.scanner is not None:
        return opened.scanner.finish_reason
    return None if opened.answer is None else opened.answer.finish_reason


def _has_tool_calls(opened: Opened) -> bool:
    if opened.scanner is not None:
        return opened.scanner.has_tool_calls
    return opened.answer is not None and opened.answer.has_tool_calls
