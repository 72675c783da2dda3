"""What must hold of every answer: what clients received, held against what servers wrote."""

from collections.abc import Callable, Iterator
from typing import Final

from gateway.domain.outcome import Outcome
from tests.sim.reading import blocks_of, payload_of, tells_usage_alone
from tests.sim.told import Told

SUCCESSES: Final = (Outcome.SUCCESS_UPSTREAM, Outcome.SUCCESS_CACHE_EXACT, Outcome.SUCCESS_CACHE_COALESCED)


def content_is_of_one_call_in_order(told: Told) -> Iterator[str]:
    """Tokens come from one call, from its first on, none missing, none twice."""
    tokens, ask = told.read.tokens, told.ask
    if told.read.fault:
        yield f"P19: the answer cannot be read: {told.read.fault}"
    calls = {(number, call) for number, call, _ in tokens}
    if len(calls) > 1:
        yield f"P5: content of several calls: {sorted(calls)}"
    if [number for _, _, number in tokens] != list(range(len(tokens))):
        yield f"P19: tokens are missing, doubled or out of order: {tokens}"
    is_hit = told.is_hit
    made_by = told.read.made_by
    if made_by is not None and not is_hit and made_by[0] != ask.number:
        yield f"P5: content of another request: {made_by}"
    if made_by is not None and is_hit:
        writer = told.run.clients[made_by[0]].ask
        same = (ask.number if ask.twin_of < 0 else ask.twin_of) == (
            writer.number if writer.twin_of < 0 else writer.twin_of
        )
        if not same or (told.run.case.shape.keyed and writer.tenant != ask.tenant):
            yield f"P17: the kept answer of request {writer.number} was given to {ask}"


def bytes_are_faithful(told: Told) -> Iterator[str]:
    """What the client has is what its server wrote, byte for byte, but for what we asked for ourselves."""
    call = told.writing() if told.is_followed_live else told.serving()
    if call is None or told.read.kind != "stream" or call.script is None:
        return
    written = b"".join([piece.event.data for piece in call.script.pieces])
    wanted = []
    for block in blocks_of(written):
        payload = payload_of(block)
        if payload == b"[DONE]":
            break
        if payload is None or told.ask.include_usage or not tells_usage_alone(payload):
            wanted.append(block)
    got = list(told.read.blocks)
    if got != wanted[: len(got)]:
        yield f"P19: bytes differ from the server's: {next(pair for pair in zip(got, wanted, strict=False))}"


def ends_are_told(told: Told) -> Iterator[str]:
    """A whole stream ends with one [DONE]; one that is cut off says so and never looks whole."""
    answer, client = told.read, told.client
    if answer.kind != "stream":
        return
    if not answer.is_last or answer.done > 1 or (answer.done and answer.code):
        yield f"P11: more than one end: {answer.done} [DONE], error {answer.code}"
    if answer.done and not answer.has_finish:
        yield "P11: a [DONE] behind an answer that was not finished"
    tokens = _tokens_of(told)
    if answer.done and tokens is not None and len(answer.tokens) != tokens:
        yield f"P11: a [DONE] behind {len(answer.tokens)} of {tokens} tokens"
    if told.is_there and not client.responder.finished:
        yield "P11: the stream has no end"
    if client.responder.finished and not answer.done and answer.code is None:
        yield "P11: the stream ended without a word"


def _tokens_of(told: Told) -> int | None:
    """Return how many tokens the answer has that the client was given."""
    if not told.read.tokens:
        return None
    return told.run.clients[told.read.tokens[0][0]].ask.tokens


def whole_answers_are_whole(told: Told) -> Iterator[str]:
    """A whole answer has every token."""
    tokens = _tokens_of(told)
    call = told.writing()
    if told.read.kind == "whole" and not told.read.tokens and call is not None and call.script is not None:
        tokens = call.script.tokens
    if told.read.kind == "whole" and (tokens is None or len(told.read.tokens) != tokens):
        yield f"P11: {len(told.read.tokens)} of {tokens} tokens in a whole answer"


def outcomes_are_what_clients_saw(told: Told) -> Iterator[str]:
    """The receipt says what the client knows."""
    answer, receipt, responder = told.read, told.receipt, told.client.responder
    is_success = receipt.outcome in SUCCESSES
    if told.is_there and responder.status is None:
        yield f"P1: a client that was there was told nothing, outcome {receipt.outcome}"
    if responder.status is not None and receipt.status != responder.status:
        yield f"P1: status {responder.status} is {receipt.status} on the receipt"
    if answer.code is not None and answer.code != receipt.error:
        yield f"P1: the client was told {answer.code}, the receipt says {receipt.error}"
    if told.is_there and is_success != (answer.kind == "whole" or answer.done == 1):
        yield f"P1: outcome {receipt.outcome} of an answer with {answer.done} [DONE] and error {answer.code}"
    if answer.done == 1 and responder.finished and not is_success:
        yield f"P1: outcome {receipt.outcome} of an answer that the client has whole"
    if told.receipt.outcome is Outcome.INTERNAL:
        yield "P1: outcome internal"


def usage_is_shown_to_who_asked(told: Told) -> Iterator[str]:
    """Nobody sees usage who did not ask for it; who asked sees what the server told."""
    if told.read.kind == "stream" and told.read.usages and not told.ask.include_usage:
        yield "case 98: usage was shown to a client that did not ask"


ANSWER_CHECKS: Final[tuple[Callable[[Told], Iterator[str]], ...]] = (
    content_is_of_one_call_in_order,
    bytes_are_faithful,
    ends_are_told,
    whole_answers_are_whole,
    outcomes_are_what_clients_saw,
    usage_is_shown_to_who_asked,
)
