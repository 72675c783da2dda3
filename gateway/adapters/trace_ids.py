"""Where traces begin: ids that are nobody else's, and the lot that says which are kept."""

import os
from collections.abc import Callable
from typing import Final

from gateway.domain.trace import Trace

_TRACE_DIGITS: Final = 32
_SPAN_DIGITS: Final = 16
_BYTES_EACH: Final = (_TRACE_DIGITS + _SPAN_DIGITS) // 2
_AT_ONCE: Final = 128


class TraceIds:
    """Begins a request's place in a trace. `share` of the traces that begin here are kept, from 0 to 1.

    The lot is the trace's own id, as OpenTelemetry draws it: whoever samples by the same rule keeps the same traces. A
    caller that has decided is followed. The system is asked for many ids at a time; see `RequestIds`.
    """

    def __init__(self, share: float, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._random_bytes = random_bytes
        self._bound = round(share * 2**64)
        self._hex = ""
        self._at = 0

    def begin(self, caller: Trace | None) -> Trace:
        """Return the place of a request that came from there, or from nowhere."""
        trace_id, span_id = self._next()
        if caller is not None:
            return Trace(
                caller.trace_id, span_id, caller.span_id, caller.is_sampled, makes_spans=True, state=caller.state
            )
        is_sampled = int(trace_id[_SPAN_DIGITS:], 16) < self._bound
        return Trace(trace_id, span_id, "", is_sampled, makes_spans=True)

    def _next(self) -> tuple[str, str]:
        at = self._at
        if at == len(self._hex):
            self._hex, at = self._random_bytes(_BYTES_EACH * _AT_ONCE).hex(), 0
        middle, self._at = at + _TRACE_DIGITS, at + _TRACE_DIGITS + _SPAN_DIGITS
        return self._hex[at:middle], self._hex[middle : self._at]
