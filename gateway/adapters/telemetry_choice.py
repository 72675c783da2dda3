"""Which requests have their spans exported: a share of all, and whatever one would look for."""

from gateway.domain.outcome import BLAME, Blame
from gateway.domain.receipt import Receipt

_OURS_TO_MEND = frozenset({Blame.GATEWAY, Blame.UPSTREAM})


def is_exported(receipt: Receipt, slow_ms: float) -> bool:
    """Tell whether spans are made of a request.

    Of those that belong to a sampled trace; of those that failed, unless the client was at fault, whom nobody keeps
    from failing as often as it likes; of those of which any call failed; and of those that took `slow_ms` or longer.
    """
    trace = receipt.trace
    if trace is None or not trace.makes_spans:
        return False
    return (
        trace.is_sampled
        or receipt.times.end_ms >= slow_ms
        or BLAME[receipt.outcome] in _OURS_TO_MEND
        or any(attempt.failure is not None for attempt in receipt.attempts)
    )
