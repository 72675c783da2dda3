"""What requests took and used, by OpenTelemetry's GenAI conventions: names, units, buckets and attributes as of 0.66b2.

Counted here as everything else is, and handed over now and then: an instrument of the SDK costs ten times as much.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.adapters.metrics_cells import Labels, Spread
from gateway.adapters.metrics_shape import Kind, Metric
from gateway.adapters.span_names import OPERATIONS, SpanAttribute
from gateway.domain.receipt import Receipt

_DURATION_S: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST_TOKEN_S: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1),
    *(0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
_OUTPUT_TOKEN_S: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS: Final = tuple(float(4**power) for power in range(14))
_ASKED: Final = (SpanAttribute.OPERATION.value, SpanAttribute.REQUEST_MODEL.value, SpanAttribute.RESPONSE_MODEL.value)
_MS_PER_S: Final = 1e3


@dataclass(frozen=True, slots=True)
class Instrument(Metric):
    """A histogram of the conventions. `unit` is UCUM's."""

    unit: str = ""


DURATION: Final = Instrument(
    "gen_ai.server.request.duration",
    Kind.HISTOGRAM,
    (*_ASKED, SpanAttribute.ERROR.value),
    "Time from the first byte of a request to the last of its answer.",
    _DURATION_S,
    unit="s",
)
FIRST_TOKEN: Final = Instrument(
    "gen_ai.server.time_to_first_token",
    Kind.HISTOGRAM,
    _ASKED,
    "Time from the first byte of a request to the first content of its answer, of those that succeeded.",
    _FIRST_TOKEN_S,
    unit="s",
)
OUTPUT_TOKEN: Final = Instrument(
    "gen_ai.server.time_per_output_token",
    Kind.HISTOGRAM,
    _ASKED,
    "Mean time between the tokens of a streamed answer, after the first.",
    _OUTPUT_TOKEN_S,
    unit="s",
)
TOKENS: Final = Instrument(
    "gen_ai.client.token.usage",
    Kind.HISTOGRAM,
    (*_ASKED, "gen_ai.token.type"),
    "Tokens of a request, by their type: input, or output.",
    _TOKENS,
    unit="{token}",
)
INSTRUMENTS: Final = (DURATION, FIRST_TOKEN, OUTPUT_TOKEN, TOKENS)

Figures = Sequence[tuple[Instrument, Sequence[tuple[Labels, Sequence[int], float]]]]
"""Of each instrument its series: labels, count of each bucket by itself, and the sum of the values."""


class GenAiFigures:
    """A recorder of those histograms. Series are bounded by the policy's aliases and models."""

    def __init__(self) -> None:
        self._duration, self._first_token, self._output_token, self._tokens = map(Spread, INSTRUMENTS)

    def record(self, receipt: Receipt) -> None:
        """Count a request that ended. One that asked for nothing that there is has no model."""
        if receipt.operation is None:
            return
        # What no route is known for may be any string a client sent; it must not become a series.
        alias = "" if receipt.route is None else receipt.alias or ""
        asked = (OPERATIONS[receipt.operation], alias, receipt.served_model or "")
        times, usage = receipt.times, receipt.usage
        self._duration.observe((*asked, receipt.error or ""), times.end_ms / _MS_PER_S)
        if usage.input_tokens:
            self._tokens.observe((*asked, "input"), usage.input_tokens)
        if usage.output_tokens:
            self._tokens.observe((*asked, "output"), usage.output_tokens)
        if receipt.error is None and times.first_content_ms is not None:
            self._first_token.observe(asked, times.first_content_ms / _MS_PER_S)
            if receipt.stream and usage.output_tokens > 1:
                after_first_ms = times.end_ms - times.first_content_ms
                self._output_token.observe(asked, after_first_ms / (usage.output_tokens - 1) / _MS_PER_S)

    def copy(self) -> Figures:
        """Copy what was counted so far, for whoever sends it from another thread."""
        spreads = (self._duration, self._first_token, self._output_token, self._tokens)
        return [
            (instrument, [(labels, tuple(counts), total) for labels, counts, total in spread.samples()])
            for instrument, spread in zip(INSTRUMENTS, spreads, strict=True)
        ]
