"""What must hold of every run, judged from what clients received, servers wrote, and the gateway recorded.

Each violation begins with the promise that is broken. Nothing here asks the code under test what is right: what a
request cost is computed from the tokens that its server wrote and the gateway took.
"""

from collections.abc import Callable, Iterator
from typing import Final

from gateway.domain.errors import ErrorCode
from gateway.domain.outcome import Outcome
from gateway.domain.receipt import Receipt
from gateway.ports import LedgerUnavailable
from tests.sim.call import Call
from tests.sim.case import Mishap, Mode
from tests.sim.client import SimClient
from tests.sim.reading import blocks_of, payload_of, read, tells_usage_alone
from tests.sim.run import Run, number_of

ALIVE_S: Final = 2.5
"""How long a request may live on behind its deadline."""
LET_GO_S: Final = 0.25
"""How soon a server is let go whose client has left."""
_LIVE_MAX: Final = 2
_PATIENCE_MIN_S: Final = 1.0
_PINNED_DEADLINE_S: Final = 600.0
_PINNED_ATTEMPTS: Final = 3
"""An alias of a tier has no route in the policy, and so the defaults."""


class Told:
    """One request with everything that is known of it."""

    def __init__(self, run: Run, client: SimClient, receipt: Receipt) -> None:
        self.run = run
        self.ask = client.ask
        self.client = client
        self.receipt = receipt
        self.calls = [call for call in run.calls if call.question.ask == client.ask.number]
        self.read = read(client)

    @property
    def is_there(self) -> bool:
        """Tell whether the client was there to the end."""
        return self.client.left_s is None and not self.client.was_cut

    def serving(self) -> Call | None:
        """Return the call whose tokens the client has."""
        if not self.read.tokens or self.read.tokens[0][0] != self.ask.number:
            return None
        return next((call for call in self.calls if call.question.call == self.read.tokens[0][1]), None)

    def ends_by_s(self) -> float:
        """Tell by when the request must be over, were the client always ready to read."""
        patience_s = self.ask.patience_s
        deadline_s = self.run.case.shape.deadline_s if self.ask.is_routed else _PINNED_DEADLINE_S
        if patience_s:
            deadline_s = min(deadline_s, max(patience_s, _PATIENCE_MIN_S))
        before_s = self.ask.body_s + self.ask.scored_in_s
        return self.client.came_s + max(deadline_s, before_s) + ALIVE_S


def violations(run: Run) -> list[str]:
    """Return what does not hold, in order."""
    found = [f"I9: {one}" for one in run.trouble]
    found += [f"census: left over: {one}" for one in run.left_over]
    found += [f"fault of ours: {fault!r}" for _, fault in run.reported if not _is_of_the_ledger(run, fault)]
    if found:
        return found
    receipts: dict[int, list[Receipt]] = {}
    for receipt in run.receipts:
        receipts.setdefault(number_of(receipt.request_id), []).append(receipt)
    for number, client in run.clients.items():
        mine = receipts.get(number, [])
        if len(mine) != 1:
            found.append(f"P1: request {number} has {len(mine)} receipts")
            continue
        told = Told(run, client, mine[0])
        found += [f"{what} (request {number})" for check in CHECKS for what in check(told)]
    return found


def _is_of_the_ledger(run: Run, fault: BaseException) -> bool:
    return bool(run.case.ledger) and isinstance(fault, LedgerUnavailable | TimeoutError)


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
    is_hit = told.receipt.outcome is Outcome.SUCCESS_CACHE_EXACT
    if tokens and not is_hit and tokens[0][0] != ask.number:
        yield f"P5: content of another request: {tokens[0]}"
    if tokens and is_hit:
        writer = told.run.clients[tokens[0][0]].ask
        same = (ask.number if ask.twin_of < 0 else ask.twin_of) == (
            writer.number if writer.twin_of < 0 else writer.twin_of
        )
        if not same or (told.run.case.shape.keyed and writer.tenant != ask.tenant):
            yield f"P17: the kept answer of request {writer.number} was given to {ask}"


def bytes_are_faithful(told: Told) -> Iterator[str]:
    """What the client has is what its server wrote, byte for byte, but for what we asked for ourselves."""
    call = told.serving()
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
    if told.read.kind == "whole" and (tokens is None or len(told.read.tokens) != tokens):
        yield f"P11: {len(told.read.tokens)} of {tokens} tokens in a whole answer"


def outcomes_are_what_clients_saw(told: Told) -> Iterator[str]:
    """The receipt says what the client knows."""
    answer, receipt, responder = told.read, told.receipt, told.client.responder
    is_success = receipt.outcome in (Outcome.SUCCESS_UPSTREAM, Outcome.SUCCESS_CACHE_EXACT)
    if told.is_there and responder.status is None:
        yield f"P1: a client that was there was told nothing, outcome {receipt.outcome}"
    if responder.status is not None and receipt.status != responder.status:
        yield f"P1: status {responder.status} is {receipt.status} on the receipt"
    if answer.code is not None and answer.code != receipt.error:
        yield f"P1: the client was told {answer.code}, the receipt says {receipt.error}"
    if told.is_there and is_success != (answer.kind == "whole" or answer.done == 1):
        yield f"P1: outcome {receipt.outcome} of an answer with {answer.done} [DONE] and error {answer.code}"
    if told.receipt.outcome is Outcome.INTERNAL and not told.client.was_cut:
        yield "P1: outcome internal"


def usage_is_shown_to_who_asked(told: Told) -> Iterator[str]:
    """Nobody sees usage who did not ask for it; who asked sees what the server told."""
    if told.read.kind == "stream" and told.read.usages and not told.ask.include_usage:
        yield "case 98: usage was shown to a client that did not ask"


def one_policy_from_end_to_end(told: Told) -> Iterator[str]:
    """Snapshot, endpoints, model and prices are those of the policy in force when the request came."""
    snapshot, receipt = told.run.in_force[told.ask.number], told.receipt
    if receipt.snapshot != snapshot.id:
        yield f"P13: came under {snapshot.id}, recorded under {receipt.snapshot}"
    header = told.client.responder.headers.get(b"x-tiergate-snapshot")
    if header is not None and header.decode() != snapshot.id:
        yield f"P13: came under {snapshot.id}, answered under {header!r}"
    models = {tier.model for tier in snapshot.tiers.values()}
    for call in told.calls:
        if call.question.model not in models:
            yield f"P13: {call.question.model} is no model of the request's policy"


def nobody_outlives_the_deadline(told: Told) -> Iterator[str]:
    """Request and calls end in time, but for a client that keeps the gateway waiting."""
    by_s = told.ends_by_s()
    for call in told.calls:
        if call.ended_s is not None and call.ended_s > by_s:
            yield f"P15: call {call.question.call} ended {call.ended_s - by_s:.3f} s too late"
    for from_s, to_s in told.client.blocked_s:
        if from_s <= by_s:
            by_s = max(by_s, to_s + ALIVE_S)
    over_s = told.client.over_s
    if over_s is not None and over_s > by_s:
        yield f"P15: alive for {over_s - by_s:.3f} s too long"


def servers_are_let_go(told: Told) -> Iterator[str]:
    """A client that leaves, or whose task is ended, frees its servers."""
    left_s = told.client.left_s
    for call in told.calls:
        if left_s is not None and call.ended_s is not None and call.ended_s > max(left_s, call.began_s) + LET_GO_S:
            yield f"P9: call {call.question.call} went on for {call.ended_s - left_s:.3f} s"


def attempts_are_bounded(told: Told) -> Iterator[str]:
    """No more calls than the policy allows, no more than two at once, and none once the client has content."""
    calls, parts = told.calls, told.client.responder.part_times_s
    stale = any(one.ask == told.ask.number and one.kind is Mishap.STALE for one in told.run.case.calls)
    if len(calls) > (told.run.case.shape.attempts if told.ask.is_routed else _PINNED_ATTEMPTS) + stale:
        yield f"P6: {len(calls)} calls"
    for call in calls:
        live = [one for one in calls if one.began_s <= call.began_s and (one.ended_s or 0.0) > call.began_s]
        if len(live) > _LIVE_MAX:
            yield f"P6: {len(live)} calls at once"
        if told.read.tokens and call.began_s > parts[0]:
            yield f"P5: call {call.question.call} began after the client had content"


def drained_requests_are_told(told: Told) -> Iterator[str]:
    """What comes during a drain is turned away by its name."""
    drain_s = told.run.case.drain_at_s
    if drain_s < 0 or told.client.came_s <= told.run.zero_s + drain_s + 1e-6:
        return
    if told.receipt.error is not ErrorCode.DRAINING:
        yield f"P14: came during the drain and was told {told.receipt.error}"


def all_is_well_again(told: Told) -> Iterator[str]:
    """Once faults have stopped, whoever asks is answered."""
    case = told.run.case
    if case.mode is Mode.LIVENESS and told.ask.at_s >= case.quiet_from_s and told.receipt.error is not None:
        yield f"liveness: {told.receipt.error} long after the last fault"


CHECKS: Final[tuple[Callable[[Told], Iterator[str]], ...]] = (
    content_is_of_one_call_in_order,
    bytes_are_faithful,
    ends_are_told,
    whole_answers_are_whole,
    outcomes_are_what_clients_saw,
    usage_is_shown_to_who_asked,
    one_policy_from_end_to_end,
    nobody_outlives_the_deadline,
    servers_are_let_go,
    attempts_are_bounded,
    drained_requests_are_told,
    all_is_well_again,
)
