"""A place in a trace as headers: `traceparent` and `tracestate`, by W3C Trace Context, level 1.

What does not keep to it is passed over, as the recommendation has it: a trace then begins anew.
"""

import re
from collections.abc import Sequence
from typing import Final

from gateway.domain.trace import Trace

TRACEPARENT: Final = b"traceparent"
TRACESTATE: Final = b"tracestate"
STATE_CHARS_MAX: Final = 512
"""As much of a tracestate has to be handed on; a longer one is dropped."""

_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_STATE = re.compile(rb"[\x20-\x7e]+")
_NO_TRACE, _NO_SPAN = b"0" * 32, b"0" * 16
_SAMPLED: Final = 1


def read_trace(headers: Sequence[tuple[bytes, bytes]]) -> Trace | None:
    """Return the caller's place, of which no span is ours yet; None where it gives none. Names are in lower case."""
    parents = [value for name, value in headers if name == TRACEPARENT]
    if len(parents) != 1:
        return None
    found = _PARENT.fullmatch(parents[0].strip())
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    # Later versions may add fields behind the flags; version 255 is not allowed.
    if version == b"ff" or (version == b"00" and more is not None) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    is_sampled = bool(int(flags, 16) & _SAMPLED)
    return Trace(trace_id.decode(), span_id.decode(), "", is_sampled, makes_spans=False, state=_state(headers))


def write_trace(trace: Trace, attempt: int) -> list[tuple[bytes, bytes]]:
    """Write the headers of the n-th call to a model server."""
    written = [
        (TRACEPARENT, f"00-{trace.trace_id}-{trace.attempt_id(attempt)}-{trace.is_sampled:02x}".encode()),
    ]
    if trace.state:
        written.append((TRACESTATE, trace.state.encode()))
    return written


def _state(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Join what several headers say, which is one list by the recommendation."""
    state = b",".join([value.strip() for name, value in headers if name == TRACESTATE])
    return state.decode() if len(state) <= STATE_CHARS_MAX and _STATE.fullmatch(state) else ""
