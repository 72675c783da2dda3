"""A request's place among the spans of a trace (W3C Trace Context)."""

from gateway.domain.noun import noun


@noun
class Trace:
    """Which trace a request belongs to, and which span in it is the gateway's own. Ids are lower-case hexadecimal.

    `parent_id` is the caller's span, empty where the trace begins here. `state` is what the caller's tracing system
    wants handed on (`tracestate`). Where the gateway makes no spans, `span_id` is the caller's.
    """

    trace_id: str
    span_id: str
    parent_id: str
    is_sampled: bool
    """Whether all of the trace is to be kept, as its beginning decided."""
    makes_spans: bool
    state: str = ""

    def attempt_id(self, number: int) -> str:
        """Return the span of the n-th call to a model server: the parent of whatever the server does for it."""
        if not self.makes_spans:
            return self.span_id
        return f"{(int(self.span_id, 16) + 1 + number) % 2**64:016x}"
