"""What a run's money must come to: each charge from the tokens that were taken, each sum from the charges."""

from collections import Counter
from collections.abc import Iterator

from gateway.domain.outcome import OF_THE_ANSWER
from gateway.domain.receipt import Receipt
from gateway.domain.usage import UsageSource
from tests.sim.call import Call
from tests.sim.policies import VERSIONS, host_of, model_name, price_usd_nano
from tests.sim.run import Run, number_of

_BYTES_PER_TOKEN_TENTHS = 36


def money_violations(run: Run) -> Iterator[str]:
    """Yield every charge, settlement and sum that is not what it must be. Promise P1."""
    charges: Counter[str] = Counter()
    for receipt in run.receipts:
        number = number_of(receipt.request_id)
        yield from (f"P1: {what} (request {number})" for what in _charge(run, receipt))
        charges[receipt.tenant or ""] += receipt.charge_usd_nano
    settled = Counter(one.hold.request_id for one in run.ledger.settlements)
    for request_id, count in settled.items():
        if count > 1:
            yield f"P1: {request_id} was settled {count} times"
    for request_id in run.ledger.may_be_held:
        if request_id not in settled:
            yield f"P1: {request_id} was held and never settled"
    by_number = {number_of(receipt.request_id): receipt for receipt in run.receipts}
    for one in run.ledger.settlements:
        charged_usd_nano = by_number[number_of(one.hold.request_id)].charge_usd_nano
        if charged_usd_nano != one.charge_usd_nano:
            yield f"P1: {one.hold.request_id} settled at {one.charge_usd_nano}, receipt {charged_usd_nano}"
    budget_usd_nano = run.case.shape.budget_usd * 10**9
    for tenant, left in run.budget_left_usd_nano.items():
        # What was posted before a loss of the books and confirmed to nobody is posted once more behind it.
        lost = 0 if run.redis is None else run.redis.lost_usd_nano[tenant]
        if not charges[tenant] - lost <= budget_usd_nano - left <= charges[tenant]:
            yield f"P1: {tenant} has {left} left of {budget_usd_nano}, charged {charges[tenant]}, lost {lost}"


def _charge(run: Run, receipt: Receipt) -> Iterator[str]:
    usage = receipt.usage
    if receipt.cache in ("exact", "coalesced") or receipt.tier is None:
        # Whoever leaves while a better answer is sought is charged for the one that was not good enough.
        refused_usd_nano = sum(_refused_usd_nano(run, receipt, other) for other in _refused(run, receipt, None))
        if receipt.charge_usd_nano != refused_usd_nano:
            yield f"charged {receipt.charge_usd_nano} for no answer, and what was refused cost {refused_usd_nano}"
        return
    call = _committed(run, receipt)
    if call is None:
        yield f"charged for {receipt.tier}, and no call there gave content"
        return
    source, output_tokens = _expected(run, call)
    if (usage.source, usage.output_tokens) != (source, output_tokens):
        yield f"{usage.output_tokens} tokens {usage.source}, and {output_tokens} {source} were taken"
    told = call.usage_taken()
    if source is UsageSource.REPORTED and told is not None and usage.input_tokens != told.input_tokens:
        yield f"{usage.input_tokens} input tokens, and the server told {told.input_tokens}"
    input_usd_nano, output_usd_nano = _prices()[call.question.model]
    cost_usd_nano = usage.input_tokens * input_usd_nano + output_tokens * output_usd_nano
    cost_usd_nano += sum(_refused_usd_nano(run, receipt, other) for other in _refused(run, receipt, call))
    ceiling_usd = run.clients[number_of(receipt.request_id)].ask.max_cost_usd
    if ceiling_usd and cost_usd_nano > int(ceiling_usd * 1e9):
        yield f"cost {cost_usd_nano}, and its caller allowed {ceiling_usd} USD"
    if receipt.charge_usd_nano != cost_usd_nano:
        yield f"charged {receipt.charge_usd_nano}, and it cost {cost_usd_nano}"


def _committed(run: Run, receipt: Receipt) -> Call | None:
    """Return the call that the receipt says was answered from: the last of its tier that had content."""
    number = number_of(receipt.request_id)
    reports = [one for one in receipt.attempts if one.first_content_ms is not None and one.tier == receipt.tier]
    hosts = {host_of(one.endpoint) for one in reports}
    able = [call for call in run.calls if call.question.ask == number and call.script is not None]
    able = [call for call in able if call.host in hosts]
    return able[-1] if able else None


def _refused(run: Run, receipt: Receipt, given: Call | None) -> list[Call]:
    """Return the calls whose whole answers were not good enough, so that another was asked: they are charged too."""
    number = number_of(receipt.request_id)
    hosts = {host_of(one.endpoint) for one in receipt.attempts if one.failure in OF_THE_ANSWER}
    mine = [call for call in run.calls if call.question.ask == number and call is not given]
    return [call for call in mine if call.host in hosts and call.script is not None and call.is_written]


def _refused_usd_nano(run: Run, receipt: Receipt, call: Call) -> int:
    _, output_tokens = _expected(run, call)
    told = call.usage_taken()
    if told is None:
        # Its prompt is the gateway's own estimate, which no server has told.
        refused = [one for one in receipt.attempts if one.failure in OF_THE_ANSWER]
        return next(one.charge_usd_nano for one in refused if host_of(one.endpoint) == call.host)
    input_tokens = told.input_tokens
    input_usd_nano, output_usd_nano = _prices()[call.question.model]
    return input_tokens * input_usd_nano + output_tokens * output_usd_nano


def _expected(run: Run, call: Call) -> tuple[UsageSource, int]:
    told = call.usage_taken()
    if told is not None:
        return UsageSource.REPORTED, told.output_tokens
    if call.question.stream:
        count = call.content_taken()
        return (UsageSource.COUNTED, count) if count else (UsageSource.ESTIMATED, 0)
    return UsageSource.ESTIMATED, -(-call.taken_bytes * 10 // _BYTES_PER_TOKEN_TENTHS)


def _prices() -> dict[str, tuple[int, int]]:
    return {
        model_name(rank, version): price_usd_nano(rank, version) for rank in range(3) for version in range(VERSIONS)
    }
