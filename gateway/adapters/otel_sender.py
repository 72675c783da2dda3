"""Telemetry as OTLP over HTTP, by OpenTelemetry's own exporters.

They read the other standard variables (`OTEL_EXPORTER_OTLP_HEADERS`, `_TIMEOUT`, `_CERTIFICATE`, `_COMPRESSION`;
`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`) by themselves.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from gateway.adapters.genai_figures import Figures, Instrument
from gateway.adapters.metrics_cells import Labels
from gateway.adapters.otel_spans import SpanMaker, ns_of
from gateway.adapters.span_names import PROVIDER, SpanAttribute
from gateway.domain.ids import RequestId
from gateway.domain.receipt import Receipt

_SERVICE: Final = "service.name"
_INSTANCE: Final = "service.instance.id"
_UNKNOWN_SERVICE: Final = "unknown_service"
_SCOPE: Final = InstrumentationScope("tiergate")


class OtelSender:
    """Sends to the collector at `endpoint`, such as `http://collector:4318`. `wall_s` is since the epoch."""

    def __init__(self, endpoint: str, instance: str, wall_s: Callable[[], float]) -> None:
        self._resource = _resource(instance)
        self._maker = SpanMaker(self._resource)
        base = endpoint.rstrip("/")
        self._spans = OTLPSpanExporter(f"{base}/v1/traces")
        self._metrics = OTLPMetricExporter(f"{base}/v1/metrics")
        self._wall_s = wall_s
        self._began_ns = ns_of(wall_s())

    def send_spans(self, receipts: Sequence[Receipt], prompts: Mapping[RequestId, str]) -> bool:
        """Send the spans of these requests, with the prompts of some; tell whether the collector took them."""
        spans = [span for each in receipts for span in self._maker.spans_of(each, prompts.get(each.request_id, ""))]
        return self._spans.export(spans) is SpanExportResult.SUCCESS

    def send_figures(self, figures: Figures) -> bool:
        """Send these figures, cumulative since the start; tell whether the collector took them."""
        now_ns = ns_of(self._wall_s())
        metrics = [self._metric(instrument, series, now_ns) for instrument, series in figures if series]
        scope = ScopeMetrics(_SCOPE, metrics, "")
        data = MetricsData([ResourceMetrics(self._resource, [scope], "")])
        return self._metrics.export(data) is MetricExportResult.SUCCESS

    def close(self) -> None:
        """Let go of the connections."""
        self._spans.shutdown()  # type: ignore[no-untyped-call] # of the SDK
        self._metrics.shutdown()

    def _metric(
        self, instrument: Instrument, series: Sequence[tuple[Labels, Sequence[int], float]], now_ns: int
    ) -> Metric:
        points = [
            HistogramDataPoint(
                attributes={SpanAttribute.PROVIDER.value: PROVIDER, **dict(_labels(instrument, labels))},
                start_time_unix_nano=self._began_ns,
                time_unix_nano=now_ns,
                count=sum(counts),
                sum=total,
                bucket_counts=counts,
                explicit_bounds=instrument.bounds,
                min=None,  # type: ignore[arg-type] # optional in OTLP, and not known of what was counted
                max=None,  # type: ignore[arg-type]
            )
            for labels, counts, total in series
        ]
        data = Histogram(points, AggregationTemporality.CUMULATIVE)
        return Metric(instrument.name, instrument.help, instrument.unit, data)


def _labels(instrument: Instrument, values: Labels) -> Iterator[tuple[str, str]]:
    """Pair names and values; an empty value is none."""
    return ((name, value) for name, value in zip(instrument.labels, values, strict=True) if value)


def _resource(instance: str) -> Resource:
    made = Resource.create({_INSTANCE: instance})
    named = str(made.attributes.get(_SERVICE, _UNKNOWN_SERVICE))
    return made.merge(Resource({_SERVICE: PROVIDER})) if named.startswith(_UNKNOWN_SERVICE) else made
